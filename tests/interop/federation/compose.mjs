// Composes our own schema with one that refers to our entities.
import { readFileSync } from "node:fs";
import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

const ours = readFileSync(process.argv[2], "utf8");
const theirs = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type Order @key(fields: "id") { id: ID! item: Serial customer: Party product: ItemClass lot: Lot }
type Serial @key(fields: "key", resolvable: false) { key: String! }
type Lot @key(fields: "key", resolvable: false) { key: String! }
type Party @key(fields: "id", resolvable: false) { id: ID! }
type ItemClass @key(fields: "key", resolvable: false) { key: String! }
type Query { order(id: ID!): Order }`;
const part = (name, sdl) => ({ name, url: `http://${name}`, typeDefs: parse(sdl) });
const composed = composeServices([part("lotkin", ours), part("orders", theirs)]);
for (const error of composed.errors ?? []) console.log(error.message);
console.log(JSON.stringify({ errors: composed.errors?.length ?? 0, characters: composed.supergraphSdl?.length ?? 0 }));
