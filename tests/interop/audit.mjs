// The audits of the GraphQL over HTTP reference implementation against one address.
import { auditServer } from "graphql-http";

const [url, token] = process.argv.slice(2);
const asked = (address, options = {}) => {
  const headers = new Headers(options.headers);
  headers.set("authorization", `Bearer ${token}`);
  return fetch(address, { ...options, headers });
};
const results = await auditServer({ url, fetchFn: asked });
const counts = {};
for (const result of results) {
  counts[result.status] = (counts[result.status] ?? 0) + 1;
  if (result.status !== "ok") console.log(`${result.status} ${result.id} ${result.name}: ${result.reason}`);
}
console.log(JSON.stringify({ total: results.length, ...counts }));
process.exit(0);
