// One event stream that mends itself. Used by live-worker.js for all tabs together, or by a page for itself.

const TYPES = ["video", "gone", "change", "snapshot", "beat"];
const SILENT_MS = 40_000; // the server says something every 15 s: who hears nothing for so long has lost it
const LONGEST_PAUSE_MS = 15_000;

export class Stream {
  #tell;
  #source = null;
  #lastId = "";
  #heardAt = 0;
  #failures = 0;
  #timer = 0;
  #watch = 0;
  #wanted = false;

  /** tell(type, text): events with their data as JSON, and "state": live, reconnecting, catching up, ended. */
  constructor(tell) {
    this.#tell = tell;
  }

  open() {
    this.#drop();
    this.#wanted = true;
    const url = "/v1/events" + (this.#lastId ? `?after=${encodeURIComponent(this.#lastId)}` : "");
    const source = (this.#source = new EventSource(url));
    source.onopen = () => this.#tell("state", "catching up");
    source.onerror = () => this.#failed(source);
    for (const type of TYPES) source.addEventListener(type, (event) => this.#heard(type, event));
    this.#heardAt = Date.now();
    this.#watch = setInterval(() => Date.now() - this.#heardAt > SILENT_MS && this.#again(0), 5000);
  }

  close() {
    this.#wanted = false;
    this.#drop();
  }

  #drop() {
    this.#source?.close();
    this.#source = null;
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
  }

  #heard(type, event) {
    this.#heardAt = Date.now();
    this.#lastId = event.lastEventId || this.#lastId;
    this.#failures = 0;
    this.#tell(type, event.data);
    if (type === "beat") this.#tell("state", "live");
  }

  #failed(source) {
    if (source !== this.#source) return;
    this.#heardAt = Date.now();
    this.#tell("state", "reconnecting");
    // While the server is away the browser tries again by itself. It gives up on an answer that is no stream.
    if (source.readyState === EventSource.CLOSED) this.#refused();
  }

  async #refused() {
    this.#drop();
    let status = 0;
    try {
      status = (await fetch("/v1/events?kind=job", { method: "HEAD", cache: "no-store" })).status;
    } catch {
      // Away again; the next attempt will tell.
    }
    this.#again(Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** this.#failures++), status === 401 ? "ended" : "reconnecting");
  }

  #again(pauseMs, state = "reconnecting") {
    if (!this.#wanted) return;
    this.#drop();
    this.#tell("state", state);
    this.#timer = setTimeout(() => this.open(), pauseMs);
  }
}
