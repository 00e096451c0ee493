// Two clients of others watch what is captured: graphql-ws over a socket, graphql-sse over HTTP.
import { createClient as createSocket } from "graphql-ws";
import { createClient as createStream } from "graphql-sse";
import WebSocket from "ws";

const [address, token, event] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const wanted = 3;
const query = "subscription { eventCaptured { position event { eventId } } }";

const watch = (client) =>
  new Promise((resolve, reject) => {
    const seen = [];
    const stop = client.subscribe({ query }, {
      next: ({ data, errors }) => {
        if (errors) return reject(new Error(JSON.stringify(errors)));
        seen.push(data.eventCaptured.event.eventId);
        if (seen.length === wanted) { stop(); resolve(seen); }
      },
      error: reject,
      complete: () => {},
    });
  });
const ask = async (body) => {
  const response = await fetch(`${address}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify(body),
  });
  return response.json();
};
const socket = createSocket({
  url: `${address.replace("http", "ws")}/graphql`, webSocketImpl: WebSocket,
  connectionParams: { authorization }, retryAttempts: 0,
});
const stream = createStream({ url: `${address}/graphql`, headers: { authorization }, retryAttempts: 0 });

const once = await new Promise((resolve, reject) => {
  let found;
  socket.subscribe({ query: "{ viewer { name } }" }, {
    next: (value) => { found = value.data.viewer.name; }, error: reject, complete: () => resolve(found),
  });
});
const watched = { "graphql-ws": watch(socket), "graphql-sse": watch(stream) };
await new Promise((resolve) => setTimeout(resolve, 1500));
const ids = [];
for (let n = 0; n < wanted; n += 1) {
  const document = { ...JSON.parse(event), eventID: `urn:uuid:00000000-0000-4000-8000-00000000000${n}` };
  ids.push(document.eventID);
  const { data } = await ask({
    query: "mutation ($d: JSON!) { captureEvents(input: {document: $d}) { captured problems { message } } }",
    variables: { d: document },
  });
  if (data.captureEvents.captured !== 1) throw new Error(JSON.stringify(data));
}
const counts = { query: once };
for (const [name, seen] of Object.entries(watched)) {
  const told = await seen;
  counts[name] = told.every((id, n) => id === ids[n]) ? told.length : told;
}
console.log(JSON.stringify(counts));
process.exit(0);
