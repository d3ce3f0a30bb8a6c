// One stream of states, a second apart; every function draws one part of a state.
const $ = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");
const write = (node, value) => { if (node.textContent !== value) node.textContent = value; };
const text = (id, value) => write($(id), value);

let last = null;
let owners = [];
const rates = [];

function show(state) {
  text("connection", "live, " + new Date(state.at).toLocaleTimeString());
  shards(state);
  traffic(state);
  events(state.figures);
  pods(state);
  task(state.task);
  load(state.load);
  $("errors").replaceChildren(...state.errors.map((e) => element("li", e)));
  last = state;
}

function element(name, content, className) {
  const e = document.createElement(name);
  if (content !== undefined) e.textContent = content;
  if (className) e.className = className;
  return e;
}

function shards({ shards, buckets, moves }) {
  const parts = shards.map((s) => `shard ${s.id} has ${s.owned}`);
  const moving = moves.reduce((sum, m) => sum + m.buckets, 0);
  text("shards-text", `${buckets.length} buckets: ${parts.join(", ")}` + (moving ? `; ${moving} are moving` : ""));
  $("shards").replaceChildren(...shards.map((s) => shardRow(s, moves)));
  grid(buckets);
  $("remove-shard").disabled = shards.length < 2;
}

function shardRow(s, moves) {
  const row = element("tr");
  const name = element("th", s.name, "shard" + (s.id % 6));
  name.scope = "row";
  const out = moves.filter((m) => m.from === s.id).map((m) => `gives ${m.buckets} to shard ${m.to}: ${m.state}`);
  row.append(name, element("td", number.format(s.owned)), element("td", number.format(s.users)),
    element("td", s.error || out.join("; ") || "serves", s.error ? "error" : ""));
  return row;
}

// Only buckets that changed hands are drawn again; they keep a frame for a while.
function grid(buckets) {
  const box = $("grid");
  while (box.children.length > buckets.length) box.lastChild.remove();
  while (box.children.length < buckets.length) box.append(element("i"));
  buckets.forEach((owner, bucket) => {
    if (owners[bucket] === owner) return;
    const cell = box.children[bucket];
    cell.className = owner < 0 ? "" : "shard" + (owner % 6) + (owners.length ? " moved" : "");
    cell.title = `bucket ${bucket}: ` + (owner < 0 ? "between shards" : `shard ${owner}`);
    setTimeout(() => cell.classList.remove("moved"), 5000);
  });
  owners = buckets;
}

function traffic(state) {
  const f = state.figures;
  if (last) {
    const seconds = (new Date(state.at) - new Date(last.at)) / 1000;
    if (seconds > 0) rates.push(Math.max(0, (f.requests - last.figures.requests) / seconds));
    if (rates.length > 120) rates.shift();
    text("rps", number.format(Math.round(rates.at(-1) ?? 0)));
  }
  spark();
  text("requests", number.format(f.requests));
  text("failed", number.format(f.failed));
  text("cache", share(f.cacheHits, f.cacheAll));
  const eligible = Object.entries(f.edge).filter(([status]) => status !== "DYNAMIC" && status !== "BLOCKED");
  const hits = f.edge.HIT ?? 0;
  text("edge", share(hits, eligible.reduce((sum, [, n]) => sum + n, 0)));
}

function share(part, all) {
  return all ? `${Math.round((100 * part) / all)} % of ${number.format(all)}` : "none yet";
}

function spark() {
  const top = Math.max(10, ...rates);
  const points = rates.map((r, i) => `${120 - rates.length + i},${39 - (38 * r) / top}`);
  $("spark").firstElementChild.setAttribute("points", points.join(" "));
}

function events(f) {
  text("waiting", number.format(f.waiting));
  text("published", number.format(f.published));
  text("lag", number.format(f.lag));
  text("handled", ["email", "analytics", "invalidate"].map((w) => number.format(f.handled[w] ?? 0)).join(" / "));
  text("mails", number.format(f.mails));
  text("dead", number.format(f.dead));
}

function pods({ pods, autoscalers }) {
  const parts = Map.groupBy(pods, (p) => p.part);
  const rows = $("pods");
  const known = new Map([...rows.children].map((row) => [row.dataset.part, row]));
  for (const [part, row] of known) if (!parts.has(part)) row.remove();
  for (const [part, list] of parts) {
    const row = known.get(part) ?? podRow(part);
    if (!row.isConnected) rows.append(row);
    row.children[1].textContent = scaler(autoscalers.find((a) => a.name === part));
    podButtons(row.children[2].firstChild, list);
  }
}

function podRow(part) {
  const row = element("tr");
  row.dataset.part = part;
  const name = element("th", part);
  name.scope = "row";
  const cell = element("td");
  cell.append(element("ul", undefined, "pods"));
  row.append(name, element("td"), cell);
  return row;
}

// Buttons of pods that stay are kept, so that the keyboard's focus stays too.
function podButtons(list, pods) {
  const known = new Map([...list.children].map((item) => [item.dataset.pod, item]));
  for (const [name, item] of known) if (!pods.some((p) => p.name === name)) item.remove();
  for (const pod of pods) {
    const item = known.get(pod.name) ?? podButton(pod.name);
    if (!item.isConnected) list.append(item);
    const button = item.firstChild;
    button.className = pod.ready ? "" : "waiting";
    write(button, pod.name + (pod.ready ? "" : ` (${pod.phase})`) + (pod.restarts ? ` ↻${pod.restarts}` : ""));
  }
}

function podButton(name) {
  const item = element("li");
  item.dataset.pod = name;
  const button = element("button");
  button.title = "Kill this pod";
  button.addEventListener("click", () => {
    if (confirm(`Kill pod ${name}?`)) press(`pods/${name}/kill`, "kill-text", `${name} is ending; its controller makes another`);
  });
  item.append(button);
  return item;
}

function scaler(a) {
  if (!a) return "–";
  const cpu = a.cpu < 0 ? "CPU not known yet" : `CPU ${a.cpu} % of ${a.targetCpu} %`;
  return `${a.replicas} of ${a.min} to ${a.max}; ${cpu}`;
}

function task(t) {
  $("task").hidden = !t.title;
  for (const id of ["add-shard", "remove-shard"]) $(id).disabled ||= t.running;
  if (!t.running) $("add-shard").disabled = false;
  if (!t.title) return;
  text("task-title", t.running ? `${t.title}: running` : t.error ? `${t.title}: ${t.error}` : `${t.title}: done`);
  $("task-title").className = t.error ? "error" : "";
  $("task-progress").hidden = !t.running;
  text("task-lines", t.lines.join("\n"));
}

function load(l) {
  $("load").disabled = l.running;
  $("load-stop").disabled = !l.running;
  $("load-progress").hidden = !l.running;
  $("load-progress").max = l.of;
  $("load-progress").value = l.done;
  if (l.done) text("load-text", `${number.format(l.done)} of ${number.format(l.of)} requests, ${number.format(l.failed)} failed`);
}

async function press(path, into, done, body) {
  const response = await fetch(path, { method: "POST", body });
  const answer = await response.json();
  $(into).className = response.ok ? "" : "error";
  text(into, response.ok ? (typeof done === "function" ? done(answer) : done) : answer.error);
}

$("load").addEventListener("click", () => press("load", "load-text", "started"));
$("load-stop").addEventListener("click", () => press("load/stop", "load-text", "stopping"));
$("add-shard").addEventListener("click", () => shardTask("shards/add", "Run pulumi up with one shard more?"));
$("remove-shard").addEventListener("click", () => shardTask("shards/remove", "Drain the last shard and remove it with pulumi up?"));
$("register").addEventListener("submit", (event) => {
  event.preventDefault();
  press("register", "register-text", (u) => `${u.name} is user ${u.id} and lives on ${u.shard}`, new URLSearchParams(new FormData(event.target)));
});

function shardTask(path, question) {
  if (!confirm(question)) return;
  $("task").hidden = false;
  press(path, "task-title", "starting");
}

const stream = new EventSource("states");
stream.onmessage = (event) => show(JSON.parse(event.data));
stream.onerror = () => text("connection", "the lab does not answer; trying again");
