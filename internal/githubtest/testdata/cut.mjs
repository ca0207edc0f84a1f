// node cut.mjs OPENAPI.json WEBHOOKS.json OPERATIONS.txt : makes the two cuts in this folder from
// @octokit/openapi (generated/api.github.com.json) and @octokit/openapi-webhooks (generated/api.github.com.json).
// OPERATIONS.txt names the operation ids to keep, one a line. Texts and examples are left out; nothing else is changed.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const drop = ['example', 'examples', 'x-github', 'externalDocs', 'description', 'title'];
const strip = (v, named) => {
  if (Array.isArray(v)) return v.map((x) => strip(x));
  if (v === null || typeof v !== 'object') return v;
  const entries = Object.entries(v).filter(([k, x]) => named || !drop.includes(k) || (k === 'description' && typeof x !== 'string'));
  return Object.fromEntries(entries.map(([k, x]) => [k, strip(x, !named && k === 'properties')]));
};
const close = (out, from) => { // adds every component that out refers to
  const todo = [out];
  const walk = (v) => {
    if (v === null || typeof v !== 'object') return;
    if (typeof v.$ref === 'string') {
      const [, , kind, name] = v.$ref.split('/');
      out.components[kind] ??= {};
      if (!out.components[kind][name]) todo.push((out.components[kind][name] = strip(from.components[kind][name])));
    }
    for (const x of Object.values(v)) walk(x);
  };
  while (todo.length) walk(todo.pop());
  return out;
};
const save = (name, v) => writeFileSync(new URL(name, import.meta.url), gzipSync(JSON.stringify(v), { level: 9 }));

const [rest, hooks] = process.argv.slice(2, 4).map((f) => JSON.parse(readFileSync(f)));
const keep = new Set(readFileSync(process.argv[4], 'utf8').split(/\s+/));
const cut = { openapi: rest.openapi, info: { title: 'GitHub REST API, a cut', version: rest.info.version, license: rest.info.license }, paths: {}, components: {} };
for (const [path, item] of Object.entries(rest.paths)) {
  for (const [method, op] of Object.entries(item)) if (keep.has(op.operationId)) (cut.paths[path] ??= {})[method] = { description: '', ...strip(op) };
}
for (const item of Object.values(cut.paths)) for (const op of Object.values(item)) for (const r of Object.values(op.responses)) if (!r.$ref) r.description = '';
close(cut, rest);
for (const r of Object.values(cut.components.responses ?? {})) r.description = ''; // OpenAPI demands one
save('api.github.com.json.gz', cut);

const events = `ping push check-suite-requested check-suite-rerequested check-suite-completed check-run-created check-run-completed check-run-rerequested
  check-run-requested-action workflow-run-requested workflow-run-in-progress workflow-run-completed pull-request-opened pull-request-synchronize
  pull-request-reopened pull-request-closed issue-comment-created issue-comment-edited repository-dispatch-sample.collected installation-created
  installation-deleted installation-suspend installation-unsuspend installation-new-permissions-accepted installation-repositories-added installation-repositories-removed`.split(/\s+/);
const hookCut = { webhooks: {}, components: { schemas: {} } };
for (const e of events) hookCut.webhooks[e] = hooks.webhooks[e].post.requestBody.content['application/json'].schema;
save('webhooks.json.gz', close(hookCut, hooks));
