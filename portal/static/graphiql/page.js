// The token lives in this tab only: in the field, and in sessionStorage so that a reload keeps it.
// A link may bring it as /graphiql#token=…; the part behind # is never sent to a server.
"use strict";

const KEY = "lotkin.token";
const field = document.getElementById("token");
const viewer = document.getElementById("viewer");

const EXAMPLE = `# Lotkin: where every lot and serial came from, where it went, and why.
# Ctrl-Enter runs the query; the book at the left holds the documentation.

query WhoAmI {
  viewer {
    name
    roles
    permissions
  }
}

# What is on the label, and do we know it?
query Label($text: String!) {
  scan(text: $text) {
    scheme
    lot
    serial
    item {
      id
      key
      status
    }
  }
}
`;

function takeTokenFromLink() {
  const brought = new URLSearchParams(location.hash.slice(1)).get("token");
  if (brought) {
    sessionStorage.setItem(KEY, brought);
    history.replaceState(null, "", location.pathname + location.search);
  }
  field.value = sessionStorage.getItem(KEY) || "";
}

function ask(url, options) {
  const headers = new Headers(options.headers);
  headers.set("accept", "application/graphql-response+json, application/json;q=0.9");
  const token = field.value.trim();
  if (token && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  return fetch(url, { ...options, headers, credentials: "omit" });
}

async function showViewer() {
  viewer.value = "";
  if (!field.value.trim()) return;
  const response = await ask("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ viewer { name roles } }" }),
  });
  const answer = await response.json();
  const found = answer.data && answer.data.viewer;
  viewer.value = found ? `${found.name} · ${found.roles.join(", ")}` : answer.errors[0].message;
}

field.addEventListener("change", () => {
  sessionStorage.setItem(KEY, field.value.trim());
  void showViewer();
});
document.getElementById("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  field.blur();
});

takeTokenFromLink();
void showViewer();
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: "/graphql", fetch: ask }),
    defaultQuery: EXAMPLE,
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
  }),
);
