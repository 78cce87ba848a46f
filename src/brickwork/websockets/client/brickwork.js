/**
 * A client for Brickwork's connection manager: one file, no build, no global name, nothing that a strict
 * content security policy refuses.
 *
 *     import { connect } from "/brickwork.js";
 *
 *     const socket = connect("/ws", { sse: "/events/lobby" });
 *     socket.on("said", (message) => log.append(message.text));
 *     socket.onState(({ state }) => (status.textContent = state));
 *     socket.send({ type: "say", room: "lobby", text: "Hello" });
 *     const history = await socket.request({ type: "history", room: "lobby" });
 *
 * It comes back after a broken connection, tells the server where it was in each room, and leaves out what it has
 * seen, so that nothing of a room with a history is lost or shown twice.
 *
 * @typedef {object} Options
 * @property {string | (() => string | Promise<string>)} [token] Sent as the subprotocol after `bearer`; a function is
 *     asked before each attempt, so that the token can be a fresh one. Not needed where a cookie says who it is.
 * @property {string[]} [protocols] Subprotocols besides.
 * @property {string} [sse] Where the same rooms are to be had as server-sent events, for networks that let no socket
 *     through. What authenticates there is a cookie: an EventSource can send no token.
 * @property {number} [shortest] Milliseconds that the first pause is at most; each further one may be twice as long.
 * @property {number} [longest] Milliseconds that every pause is at most.
 * @property {number} [timeout] Milliseconds that opening, or an answer, may take.
 *
 * @typedef {object} State
 * @property {"connecting" | "open" | "reconnecting" | "closed"} state
 * @property {"socket" | "sse"} [via] While open: by what.
 * @property {number} [code] The close code of what ended.
 * @property {string} [reason]
 * @property {number} [delay] Milliseconds until the next attempt.
 */

// A network that lets no socket through fails every time; one that is only away does so now and then.
const UNOPENED_BEFORE_SSE = 3;
// Only a connection that lasted shows that the server is well: one that closes at once must not be asked without pause.
const LASTING = 5_000;
// What the browser says of a connection that ended without a close frame; a stream has no codes of its own.
const ABNORMAL = 1006;
const UNAUTHENTICATED = 4401;
const CURSOR = /^([\w-]{1,32}):(\d{1,16})$/;
// Bounds: what is remembered of repetitions, and what fits into an address.
const MOST_SEEN = 1_000;
const MOST_CURSORS = 50;
const LONGEST_ROOM = 512; // 256 characters, each of which may be two here

/** Codes after which another attempt would end the same way: refused, wrong, replaced. */
function isFinal(code) {
  return [1003, 1008, 1009].includes(code) || (code >= 4400 && code <= 4499 && code !== 4408 && code !== 4429);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ArrayBuffer);
}

/** What a server-sent event of type `bytes` carries. */
function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

export class Connection {
  /** Where this client is in each room, as `epoch:offset`; the room that moved last stands last. */
  cursors = new Map();

  #url;
  #options;
  #state = { state: "connecting" };
  #handlers = new Map();
  #answers = new Map();
  #watchers = new Set();
  #pending = new Map();
  #seen = new Set();
  #requests = 0;
  #failures = 0;
  #unopened = 0;
  #timer = null;
  #transport = null;
  #deadline = null;
  // Whoever is back online need not wait for the rest of a pause.
  #online = () => this.#timer !== null && this.#open();

  /**
   * @param {string | URL} url
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    this.#url = url;
    this.#options = { shortest: 500, longest: 30_000, timeout: 10_000, protocols: [], ...options };
    addEventListener("online", this.#online);
    this.#open();
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /**
   * Hear messages of a type, or with `"*"` all of them, texts and ArrayBuffers too.
   *
   * @param {string} type
   * @param {(message: any) => void} handler
   * @returns {() => void} Hears no more.
   */
  on(type, handler) {
    const handlers = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, handlers.add(handler));
    return () => handlers.delete(handler);
  }

  /**
   * Answer requests of the server: what the handler returns, or promises, goes back.
   *
   * @param {string} type
   * @param {(message: any) => object | Promise<object>} handler
   */
  answer(type, handler) {
    this.#answers.set(type, handler);
  }

  /**
   * Hear of each change of state, and at once of the present one.
   *
   * @param {(state: State) => void} watcher
   * @returns {() => void} Hears no more.
   */
  onState(watcher) {
    this.#watchers.add(watcher);
    watcher(this.#state);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Send a message: an object goes as JSON, a text or bytes as they are.
   *
   * @param {object | string | ArrayBuffer | ArrayBufferView} message
   * @returns {boolean} Whether it was handed over; nothing is kept for later, since it may be out of date by then.
   */
  send(message) {
    if (this.#state.via !== "socket") return false;
    const raw = typeof message === "string" || message instanceof ArrayBuffer || ArrayBuffer.isView(message);
    this.#transport.send(raw ? message : JSON.stringify(message));
    return true;
  }

  /**
   * Send a message and wait for what answers it.
   *
   * @param {object} message
   * @param {{ timeout?: number }} [options] Milliseconds.
   * @returns {Promise<any>} Fails with the server's error as its `cause`, when no answer comes in time, and when the
   *     connection ends first: whether the server has acted is not known then.
   */
  request(message, { timeout = this.#options.timeout } = {}) {
    const id = String(++this.#requests);
    return new Promise((resolve, reject) => {
      if (!this.send({ ...message, id })) return reject(new Error("no socket is open"));
      const timer = setTimeout(() => this.#settle(id, null, new Error("no answer in time")), timeout);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  /** End for good. */
  close(code = 1000, reason = "") {
    if (this.#state.state !== "closed") this.#finish(code, reason);
  }

  async #open() {
    clearTimeout(this.#timer);
    this.#timer = null;
    try {
      const { sse, token } = this.#options;
      if (sse && this.#unopened >= UNOPENED_BEFORE_SSE) return this.#openStream(sse);
      const fresh = typeof token === "function" ? await token() : token;
      if (this.#state.state !== "closed") this.#openSocket(fresh);
    } catch (error) {
      if (this.#state.state !== "closed") this.#ended(ABNORMAL, String(error));
    }
  }

  #openSocket(token) {
    const address = this.#address(this.#url);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, [...this.#options.protocols, ...(token ? ["bearer", token] : [])]);
    const opened = this.#attach(socket, "socket", () => socket.close());
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      this.#unopened = opened() ? 0 : this.#unopened + 1;
      this.#ended(code, reason, opened());
    };
  }

  #openStream(url) {
    const stream = new EventSource(this.#address(url), { withCredentials: true });
    const end = (code, reason) => {
      stream.close();
      // Networks change: a socket gets one more chance before the next stream.
      this.#unopened = UNOPENED_BEFORE_SSE - 1;
      this.#ended(code, reason, opened());
    };
    const opened = this.#attach(stream, "sse", () => end(ABNORMAL, ""));
    stream.onmessage = ({ data, lastEventId }) => this.#receive(data, lastEventId);
    stream.addEventListener("bytes", ({ data, lastEventId }) => this.#receive(fromBase64(data), lastEventId));
    stream.addEventListener("close", ({ data }) => {
      const { code, reason } = JSON.parse(data);
      end(code, reason);
    });
    stream.onerror = () => end(ABNORMAL, "");
  }

  /** Let a transport open in time; what is given back tells how long it has been open. */
  #attach(transport, via, giveUp) {
    this.#transport = transport;
    this.#deadline = setTimeout(giveUp, this.#options.timeout);
    let since = null;
    transport.onopen = () => {
      clearTimeout(this.#deadline);
      since = performance.now();
      this.#turn({ state: "open", via });
    };
    return () => (since === null ? 0 : performance.now() - since);
  }

  /** The address of an attempt: it says where this client was in each room. */
  #address(url) {
    const address = new URL(url, location.href);
    for (const [room, cursor] of [...this.cursors].slice(-MOST_CURSORS)) {
      address.searchParams.append("cursor", `${room}:${cursor}`);
    }
    return address;
  }

  #ended(code, reason, lasted = 0) {
    this.#release();
    // A login that was good for a while has ended: where a token can be made, a fresh one may be as good.
    const renewable = code === UNAUTHENTICATED && lasted > LASTING && typeof this.#options.token === "function";
    if (isFinal(code) && !renewable) return this.#finish(code, reason);
    if (lasted > LASTING) this.#failures = 0;
    const { shortest, longest } = this.#options;
    // A server that stops gives each client a time of its own. Elsewhere chance does: a thousand clients that lose the
    // same server must not come back in step.
    const asked = /\bretry_after=(\d+(?:\.\d+)?)/.exec(reason);
    const delay = asked ? asked[1] * 1000 : Math.random() * Math.min(longest, shortest * 2 ** this.#failures);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#open(), delay);
    this.#turn({ state: "reconnecting", code, reason, delay });
  }

  #finish(code, reason) {
    removeEventListener("online", this.#online);
    clearTimeout(this.#timer);
    const transport = this.#transport;
    this.#release();
    // A browser takes 1000 and 3000 to 4999 from a page; an EventSource takes no arguments, and minds none.
    transport?.close(...(code === 1000 || (code >= 3000 && code <= 4999) ? [code, reason] : []));
    this.#turn({ state: "closed", code, reason });
  }

  /** Listen no more to a transport, and let nobody wait for an answer that it cannot bring. */
  #release() {
    const transport = this.#transport;
    this.#transport = null;
    clearTimeout(this.#deadline);
    if (transport) transport.onopen = transport.onmessage = transport.onclose = transport.onerror = null;
    for (const id of [...this.#pending.keys()]) this.#settle(id, null, new Error("the connection ended"));
  }

  #turn(state) {
    this.#state = state;
    for (const watcher of [...this.#watchers]) this.#call(watcher, state);
  }

  #receive(data, lastEventId = "") {
    let message = data;
    try {
      if (typeof data === "string") message = JSON.parse(data);
    } catch {
      // A text that is not JSON was sent as a text.
    }
    const object = isObject(message);
    if (object && this.#isRepeated(message)) return;
    for (const [room, cursor] of new URLSearchParams(lastEventId)) this.#move(room, cursor);
    if (object && message.re !== undefined) return this.#reply(message);
    const type = object ? message.type : undefined;
    for (const handler of [...(this.#handlers.get(type) ?? []), ...(this.#handlers.get("*") ?? [])]) {
      this.#call(handler, message);
    }
    if (object && message.id !== undefined && this.#answers.has(type)) this.#respond(this.#answers.get(type), message);
  }

  /** Whether this message was here before; if not, its place in the room is noted. */
  #isRepeated({ type, room, cursor, once }) {
    const here = CURSOR.exec(cursor);
    const before = CURSOR.exec(this.cursors.get(room));
    // What an app relays as it came may claim to be of any room; an address that is too long would never open again.
    if (here && typeof room === "string" && room.length <= LONGEST_ROOM) {
      // Within one epoch offsets only rise. A `resume` says where the room stands now, and may set it back.
      if (type !== "resume" && before && here[1] === before[1] && +here[2] <= +before[2]) return true;
      this.#move(room, cursor);
    }
    if (typeof once !== "string") return false;
    // While its store is away the server delivers at once, without a place in the room, and stores later: the same
    // name comes again then, with the place.
    if (this.#seen.has(once)) return true;
    this.#seen.add(once);
    if (this.#seen.size > MOST_SEEN) this.#seen.delete(this.#seen.values().next().value);
    return false;
  }

  #move(room, cursor) {
    // A Map keeps the order of insertion, and only the latest are offered.
    this.cursors.delete(room);
    this.cursors.set(room, cursor);
  }

  #reply(message) {
    const { type, title, detail } = message;
    const error = type === "error" ? new Error(detail || title, { cause: message }) : null;
    this.#settle(message.re, message, error);
  }

  /** An answer that comes too late finds nobody waiting, and is ignored. */
  #settle(id, message, error) {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.#pending.delete(id);
    if (error) waiting.reject(error);
    else waiting.resolve(message);
  }

  async #respond(handler, message) {
    const transport = this.#transport;
    try {
      const answer = await handler(message);
      if (transport === this.#transport) this.send({ ...answer, re: message.id });
    } catch (error) {
      reportError(error);
    }
  }

  /** A handler that fails is reported, and keeps nothing from the others. */
  #call(handler, value) {
    try {
      handler(value);
    } catch (error) {
      reportError(error);
    }
  }
}

/**
 * Open a connection that comes back by itself.
 *
 * @param {string | URL} url Relative to the page, or absolute.
 * @param {Options} [options]
 */
export function connect(url, options) {
  return new Connection(url, options);
}
