// Answers calls for @teamduality/heygen-typescript-sdk: node typescript_sdk_peer.mjs URL FOLDER-OF-THE-PACKAGE
//
// A call is the way to a method, such as `videos.generation.create`. An argument {"base64": ...} stands for bytes.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const { redirected, serve } = createRequire(import.meta.url)('./lines.cjs');
const [sandbox, folder] = process.argv.slice(2);

const send = globalThis.fetch;
globalThis.fetch = (url, options) => send(redirected(url, sandbox), options);

const { HeygenSDK } = await import(pathToFileURL(path.join(folder, 'dist/index.js')));
const sdk = new HeygenSDK('peer-key');

await serve(async (call, { args }) => {
  const names = call.split('.');
  const method = names.pop();
  const service = names.reduce((value, name) => value[name], sdk);
  return service[method](...args.map((one) => (one?.base64 ? Buffer.from(one.base64, 'base64') : one)));
});
