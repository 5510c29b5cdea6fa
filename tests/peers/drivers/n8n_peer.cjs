// Answers calls for HeyGen's node of n8n: node n8n_peer.cjs URL FOLDER-OF-THE-PACKAGE
//
// n8n itself is replaced by the little that the node asks of it: parameters with the defaults of its own description,
// credentials, and an HTTP request that goes to the sandbox.
'use strict';

const Module = require('node:module');
const path = require('node:path');
const { redirected, serve } = require('./lines.cjs');

const [sandbox, folder] = process.argv.slice(2);

class NodeApiError extends Error {
  constructor(_node, cause) {
    super(cause.message);
    this.name = 'NodeApiError';
  }
}
class NodeOperationError extends Error {
  constructor(_node, text) {
    super(text);
    this.name = 'NodeOperationError';
  }
}

const load = Module._load;
Module._load = (name, ...rest) =>
  name === 'n8n-workflow' ? { NodeApiError, NodeOperationError } : load(name, ...rest);
const { HeygenNode } = require(path.join(folder, 'dist/nodes/Heygen/HeygenNode.node.js'));
const { HeyGenApi } = require(path.join(folder, 'dist/credentials/HeyGenApi.credentials.js'));

// What an axios request of n8n answers: decoded JSON, an error for statuses from 400 on.
async function httpRequest(options) {
  const url = redirected(options.url, sandbox);
  for (const [name, value] of Object.entries(options.qs ?? {})) url.searchParams.set(name, String(value));
  const headers = { ...options.headers };
  let body = options.body;
  if (options.json) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(body);
  }
  const answer = await fetch(url, { method: options.method, headers, body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.status >= 400) throw new Error(`Request failed with status code ${answer.status}: ${bytes}`);
  const isJson = (answer.headers.get('content-type') ?? '').includes('json');
  const content = options.encoding === 'arraybuffer' ? bytes : isJson ? JSON.parse(bytes) : bytes.toString();
  if (!options.returnFullResponse) return content;
  return { body: content, headers: Object.fromEntries(answer.headers), statusCode: answer.status };
}

function isShown(property, given) {
  const rules = property.displayOptions?.show ?? {};
  return ['resource', 'operation'].every((name) => !(name in rules) || rules[name].includes(given[name]));
}

function withDefaults(node, given) {
  const shown = node.description.properties.filter((property) => isShown(property, given));
  return { ...Object.fromEntries(shown.map((property) => [property.name, property.default])), ...given };
}

function context(node, given, binary) {
  const parameters = withDefaults(node, { authentication: 'apiKey', ...given });
  const getNodeParameter = (name, _item, fallback) => {
    const found = name.split('.').reduce((value, key) => value?.[key], parameters) ?? fallback;
    if (found === undefined) throw new Error(`Could not get parameter ${name}`);
    return found;
  };
  return {
    getInputData: () => [{ json: {}, binary }],
    getNodeParameter,
    getCredentials: async () => ({ apiKey: 'peer-key' }),
    getNode: () => ({ name: 'HeyGen' }),
    continueOnFail: () => false,
    helpers: {
      httpRequest,
      httpRequestWithAuthentication: (_credential, options) => httpRequest(options),
    },
  };
}

async function credentialTest() {
  const { request } = new HeyGenApi().test;
  const headers = { 'X-Api-Key': 'peer-key' };
  return httpRequest({ method: request.method, url: request.baseURL + request.url, headers });
}

async function templateChoices() {
  const node = new HeygenNode();
  const loading = { ...context(node, {}), getCurrentNodeParameter: () => 'apiKey' };
  return node.methods.loadOptions.getTemplatesList.call(loading);
}

serve(async (call, { resource, binary, ...given }) => {
  if (call === 'credentialTest') return credentialTest();
  if (call === 'templateChoices') return templateChoices();
  const node = new HeygenNode();
  const [items] = await node.execute.call(context(node, { operation: call, resource, ...given }, binary));
  return items[0].json;
});
