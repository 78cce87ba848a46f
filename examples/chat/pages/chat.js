// The page of the chat. All that people write is set as text, never as HTML.

import { connect } from "/brickwork.js";
import { ask, isKept } from "/static/server.js";

const $ = (id) => document.getElementById(id);
const element = (name, text, cls = "") => Object.assign(document.createElement(name), { textContent: text, className: cls });

let me = "";
let room = "";
let socket = null;
let posts = new Map(); // number of a post: its line
let unsent = new Map(); // key of what this page said and the server has not: its line
let here = new Set();
let away = false; // whether the connection was lost since it was last known what is missing
let recovered = null; // the line that tells how many messages have been recovered, while they come

// --- coming and going

async function begin() {
  const user = isKept() ? await ask("/auth/me").catch(() => null) : null;
  if (user === null) return show("door");
  me = user.login;
  $("me").textContent = me;
  show("chat");
  await listRooms();
  enter(decodeURIComponent(location.hash.slice(1)) || "lobby");
}

function show(id) {
  for (const each of ["door", "chat"]) $(each).hidden = each !== id;
  $(id === "door" ? "door" : "saying").querySelector("input").focus();
}

$("door").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { login, password } = Object.fromEntries(new FormData(event.target));
  try {
    if (event.submitter?.value === "register") {
      await ask("/auth/register", { method: "POST", json: { login, password } });
    }
    await ask("/auth/login", { method: "POST", json: { login, password } });
    $("trouble").textContent = "";
    event.target.reset();
    await begin();
  } catch (error) {
    $("trouble").textContent = error.message;
  }
});

$("leave").addEventListener("click", async () => {
  me = "";
  socket.close();
  await ask("/auth/logout", { method: "POST" });
  show("door");
});

// --- rooms

async function listRooms() {
  const names = await ask("/rooms");
  $("rooms").replaceChildren(...names.map(roomLine));
}

function roomLine(name) {
  const line = element("li", "");
  const link = line.appendChild(element("a", name));
  link.href = `#${encodeURIComponent(name)}`;
  if (name === room) link.setAttribute("aria-current", "page");
  return line;
}

$("opening").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = new FormData(event.target).get("room");
  try {
    await ask(`/rooms/${name}`, { method: "PUT" });
    event.target.reset();
    location.hash = name;
  } catch (error) {
    note(error.message);
  }
});

addEventListener("hashchange", () => me && enter(decodeURIComponent(location.hash.slice(1)) || "lobby"));

function enter(name) {
  socket?.close();
  socket = null;
  room = name;
  posts = new Map();
  unsent = new Map();
  here = new Set();
  away = false;
  $("room").textContent = name;
  document.title = `${name} · The chat`;
  $("log").replaceChildren();
  showMembers();
  listRooms();
  listen();
}

function listen() {
  const cursors = socket?.cursors ?? [];
  socket = connect(`/rooms/${encodeURIComponent(room)}/live`, { token: stayLoggedIn });
  for (const [name, cursor] of cursors) socket.cursors.set(name, cursor);
  socket.onState(showState);
  socket.on("resume", resume);
  socket.on("said", said);
  socket.on("presence", presence);
  socket.on("is_typing", isTyping);
  socket.on("room_opened", listRooms);
}

/** Asked before each attempt. A cookie says who we are, and this sees to it that it has not ended. */
async function stayLoggedIn() {
  try {
    await ask("/auth/me");
  } catch (error) {
    if (error.cause?.status !== 401) throw error;
    socket.close();
    show("door");
  }
  return "";
}

// --- the connection

const WORDS = { connecting: "connecting…", open: "connected", reconnecting: "reconnecting…", closed: "closed" };

function showState({ state, code }) {
  $("state").textContent = WORDS[state];
  $("state").dataset.state = state;
  if (state === "reconnecting") {
    away = true;
    here.clear();
    showMembers();
  }
  if (state === "open") for (const key of unsent.keys()) deliver(key);
  // The token has ended: the next attempt brings a fresh one.
  if (state === "closed" && code === 4401) setTimeout(listen);
}

/** What comes first after each attempt: whether what was missed follows, or is to be read from the server. */
async function resume(told) {
  if (told.recovered) {
    recovered = away ? note("") : null;
    return;
  }
  const again = away;
  const missed = (await ask(`/rooms/${encodeURIComponent(room)}/posts`)).filter(({ number }) => !posts.has(number));
  if (again) note(`The server has started anew. ${missed.length ? `${counted(missed.length)} read from its table.` : "Nothing was missed."}`);
  missed.forEach(said);
}

/** Who is there is told when all that was missed has come. */
function caughtUp() {
  const count = recovered?.dataset.count ?? 0;
  if (count > 0) recovered.textContent = `${counted(count)} recovered.`;
  else recovered?.remove();
  recovered = null;
  away = false;
}

const counted = (count) => (+count === 1 ? "1 message" : `${count} messages`);

// --- what is said

function said({ number, key, author, text, created_at }) {
  if (posts.has(number)) return;
  if (recovered) recovered.dataset.count = +(recovered.dataset.count ?? 0) + 1;
  unsent.get(key)?.remove();
  unsent.delete(key);
  const line = element("li", "", author === me ? "mine" : "");
  const time = element("time", new Date(created_at).toLocaleTimeString([], { timeStyle: "short" }));
  time.dateTime = created_at;
  line.append(element("b", author), " ", element("span", text), " ", time);
  posts.set(number, line);
  // What was read from the server may be older than what came meanwhile.
  const next = [...posts.keys()].filter((other) => other > number).sort((one, other) => one - other)[0];
  $("log").insertBefore(line, posts.get(next) ?? [...unsent.values()][0] ?? null);
  line.scrollIntoView({ block: "nearest" });
}

$("saying").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = crypto.randomUUID();
  const line = element("li", "", "mine waiting");
  line.append(element("b", me), " ", element("span", $("text").value));
  unsent.set(key, $("log").appendChild(line));
  line.scrollIntoView({ block: "nearest" });
  event.target.reset();
  deliver(key);
});

/** Say it, again after each break: the key tells the server that it is the same. */
async function deliver(key) {
  const line = unsent.get(key);
  const text = line.querySelector("span").textContent;
  try {
    await socket.request({ type: "say", key, text });
  } catch (error) {
    if (error.cause === undefined) return; // the connection broke, or is not there yet
    unsent.delete(key);
    line.className = "mine refused";
    line.append(" ", element("em", error.message));
  }
}

function note(text) {
  const line = $("log").appendChild(element("li", text, "note"));
  line.scrollIntoView({ block: "nearest" });
  return line;
}

// --- who is here, and about to say something

function presence({ members, joined = [], left = [] }) {
  if (members) {
    here = new Set(members.map(({ user }) => user));
    caughtUp();
  }
  for (const { user } of joined) here.add(user);
  for (const { user } of left) here.delete(user);
  showMembers();
}

function showMembers() {
  $("members").replaceChildren(...[...here].sort().map((user) => element("li", user === me ? `${user} (you)` : user)));
}

let told = 0;
$("text").addEventListener("input", () => {
  if (Date.now() - told < 2000) return;
  told = Date.now();
  socket.send({ type: "typing" });
});

let forgetting = 0;
function isTyping({ author }) {
  $("typing").textContent = `${author} is typing…`;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => ($("typing").textContent = ""), 3000);
}

begin();
