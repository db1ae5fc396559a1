// Runs one of the user's scripts for hoist: loads it, calls it where it exports a function, and answers with JSON.
// Lines that begin with the mark are for hoist; all else that scripts print goes to stderr.
const { createInterface } = require('node:readline');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const fs = require('node:fs');
const Module = require('node:module');

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
let mark = '';
const send = (message, done) => write(mark + JSON.stringify(message) + '\n', done);

const waiting = new Map();
let asked = 0;
const ask = (question) =>
  new Promise((resolve, reject) => {
    asked += 1;
    waiting.set(asked, { resolve, reject });
    // Without a question open, a promise that nothing will ever settle must not keep the process alive.
    process.stdin.ref?.();
    send({ ask: asked, ...question });
  });

const found = (name, from) => {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return null;
  }
};

// TypeScript by whatever the project has, the most faithful first.
const readTypeScript = (file) => {
  const tsx = found('tsx/cjs/api', file);
  if (tsx) return void require(tsx).register();
  const tsNode = found('ts-node/register/transpile-only', file);
  if (tsNode) {
    require(tsNode);
    const paths = found('tsconfig-paths/register', file);
    if (paths) require(paths);
    return;
  }
  const compile = (transform) => {
    for (const extension of ['.ts', '.cts', '.mts']) {
      Module._extensions[extension] = (module, name) => module._compile(transform(fs.readFileSync(name, 'utf8'), name), name);
    }
  };
  const esbuild = found('esbuild', file);
  if (esbuild) {
    const { buildSync } = require(esbuild);
    const options = { bundle: true, platform: 'node', format: 'cjs', packages: 'external', write: false, logLevel: 'silent' };
    return compile((_, name) => buildSync({ entryPoints: [name], ...options }).outputFiles[0].text);
  }
  const typescript = found('typescript', file);
  if (typescript) {
    const ts = require(typescript);
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2020, esModuleInterop: true };
    return compile((text) => ts.transpileModule(text, { compilerOptions }).outputText);
  }
  if (process.features.typescript) return;
  throw Object.assign(new Error(`node ${process.version} does not read TypeScript`), { code: 'NO_TYPESCRIPT' });
};

const exported = (module) => {
  const isModule = module && (module.__esModule || module[Symbol.toStringTag] === 'Module');
  return isModule && 'default' in module ? module.default : module;
};

const load = async (file) => {
  if (/\.[cm]?ts$/.test(file)) readTypeScript(file);
  try {
    if (file.endsWith('.mjs')) return exported(await import(pathToFileURL(file)));
    return exported(createRequire(file)(file));
  } catch (error) {
    const esm = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error && error.code);
    const syntax = error instanceof SyntaxError && /import statement|Unexpected token 'export'|await is only valid/.test(error.message);
    if (!esm && !syntax) throw error;
    return exported(await import(pathToFileURL(file)));
  }
};

const run = async ({ file, address, options }) => {
  const context = {
    options,
    resolveVariable: (text) => ask({ variable: String(text) }),
    resolveConfigurationProperty: (keys) => ask({ property: [].concat(keys).map(String) }),
  };
  let called = false;
  const settle = async (value) => {
    if (typeof value !== 'function' || called) return value;
    called = true;
    return value(context);
  };
  let value = await settle(await load(file));
  for (const key of address ? address.split('.') : []) {
    if (value == null || !Object.hasOwn(Object(value), key)) return null;
    value = await settle(await value[key]);
  }
  return value === undefined ? null : value;
};

const fail = (error, file) => {
  const stack = String((error && error.stack) || '');
  const frame = stack.split('\n').find((line) => line.includes(file));
  const line = frame && /:(\d+)(?::\d+)?\)?$/.exec(frame.trim());
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  send({ error: message, code: error && error.code, line: line ? Number(line[1]) : null }, () => process.exit(0));
};

createInterface({ input: process.stdin }).on('line', (text) => {
  const message = JSON.parse(text);
  if (message.start) {
    const { start } = message;
    mark = start.mark;
    const file = path.resolve(start.file);
    process.stdin.unref?.();
    run({ ...start, file })
      .then((value) => JSON.stringify({ value: value === undefined ? null : value }))
      .then((text) => write(mark + text + '\n', () => process.exit(0)))
      .catch((error) => fail(error, file));
    return;
  }
  const { resolve, reject } = waiting.get(message.answer);
  waiting.delete(message.answer);
  if (waiting.size === 0) process.stdin.unref?.();
  if ('error' in message) reject(new Error(message.error));
  else resolve(message.value);
});
