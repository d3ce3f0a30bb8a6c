// The forms of the page at "/": each answer becomes a row of the table.
const answers = document.getElementById("answers");
const create = document.getElementById("create");
const read = document.getElementById("read");
const access = document.getElementById("access");
const rows = 10;

// The same content keeps its key, so that a second click makes no second user.
// randomUUID is missing where the page is not from a secure origin.
let content = "";
let key = "";
function keyFor(body) {
  if (body !== content) {
    content = body;
    key = Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, "0")).join("");
  }
  return key;
}

function show(...cells) {
  const row = document.createElement("tr");
  for (const cell of cells) {
    row.appendChild(document.createElement("td")).textContent = cell;
  }
  answers.prepend(row);
  while (answers.rows.length > rows) answers.deleteRow(-1);
}

// Ids do not fit JavaScript's numbers, so the text of an answer is shown as it is.
async function ask(method, path, headers = {}, body = undefined) {
  const token = access?.elements.token.value.trim();
  if (token) headers.Authorization = "Bearer " + token;
  const began = performance.now();
  try {
    const response = await fetch(path, {method, headers, body, cache: "no-store"});
    const text = await response.text();
    show(method + " " + path, response.status, response.headers.get("X-Shard") ?? "", response.headers.get("X-Cache") ?? "",
      (performance.now() - began).toFixed(1) + " ms", text.trim());
    return response;
  } catch (error) {
    show(method + " " + path, "none", "", "", (performance.now() - began).toFixed(1) + " ms", error.message);
  }
}

create.addEventListener("submit", async event => {
  event.preventDefault();
  const {name, email} = create.elements;
  const body = JSON.stringify({name: name.value.trim(), email: email.value.trim()});
  const response = await ask("POST", "/users", {"Content-Type": "application/json", "Idempotency-Key": keyFor(body)}, body);
  const location = response?.ok && response.headers.get("Location");
  if (location) read.elements.id.value = location.split("/").pop();
});

read.addEventListener("submit", event => {
  event.preventDefault();
  ask("GET", "/users/" + encodeURIComponent(read.elements.id.value.trim()));
});
access?.addEventListener("submit", event => event.preventDefault());
