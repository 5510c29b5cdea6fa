// What the drivers of JavaScript clients share: calls come in and answers go out as one JSON object a line.
'use strict';

const readline = require('node:readline');

const HOSTS = new Set(['api.heygen.com', 'upload.heygen.com']);

// Where a request goes: HeyGen's hosts are the sandbox, and nothing else is reachable.
function redirected(url, sandbox) {
  const asked = new URL(url);
  const home = new URL(sandbox);
  if (asked.origin === home.origin) return asked;
  if (!HOSTS.has(asked.hostname) || asked.protocol !== 'https:') {
    throw new Error(`the client calls ${asked}, which is no host of HeyGen`);
  }
  return new URL(asked.pathname + asked.search, home);
}

async function serve(handle) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let answer;
    try {
      answer = { result: (await handle(asked.call, asked.arguments)) ?? null };
    } catch (error) {
      answer = { failure: `${error.name}: ${error.message}` };
    }
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
}

module.exports = { redirected, serve };
