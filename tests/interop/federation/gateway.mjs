// A gateway over the suite's two subgraphs and ours, on the port where the suite asks it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { ApolloGateway } from "@apollo/gateway";
import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const [productsUrl, usersFile, inventoryFile] = process.argv.slice(2);
const ask = async (query) => {
  const response = await fetch(productsUrl, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ query }),
  });
  return (await response.json()).data;
};
const { _service } = await ask("{ _service { sdl } }");
const part = (name, url, sdl) => ({ name, url, typeDefs: parse(sdl) });
const composed = composeServices([
  part("products", productsUrl, _service.sdl),
  part("users", "http://localhost:4002/", readFileSync(usersFile, "utf8")),
  part("inventory", "http://localhost:4003/", readFileSync(inventoryFile, "utf8")),
]);
if (composed.errors?.length) {
  for (const error of composed.errors) console.error(error.message);
  process.exit(1);
}
const gateway = new ApolloGateway({ supergraphSdl: composed.supergraphSdl });
const server = new ApolloServer({ gateway, introspection: true });
await startStandaloneServer(server, { listen: { port: 4000 } });
console.log("gateway is up");
