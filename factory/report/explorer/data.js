// The rows: typed columns, filled by the data files as they load. A row is its number.
const CHUNK = 65536,
  NONE = 65535;
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const KINDS = {
  style: Int16Array,
  live_domain: Int16Array,
  split: Int16Array,
  t0: Int16Array,
  cfg_scale: Float32Array,
  brisque: Float32Array,
  distance: Float32Array,
  probability: Float32Array,
  accepted: Int8Array,
  reason: Uint8Array,
};
const columns = Object.fromEntries(Object.entries(KINDS).map(([name, Kind]) => [name, new Kind(META.rows)]));
if (!META.audited) {
  columns.accepted.fill(-1);
  columns.distance.fill(NaN);
  columns.probability.fill(NaN);
}
const chunks = []; // the texts of each file, decoded when first asked for

const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);

function frontDecoded(text) {
  let before = "";
  return text.split(",").map(part => (before = before.slice(0, DIGITS.indexOf(part[0])) + part.slice(1)));
}

// What the data files call.
function difffas(number, content) {
  for (const name in KINDS) {
    if (name in content) columns[name].set(unpack(content[name], KINDS[name]), number * CHUNK);
  }
  chunks[number] = Object.fromEntries(["key", "subject", "live_key", "guide_key"].map(name => [name, content[name]]));
}
globalThis.difffas = difffas;

function texts(number, name) {
  const chunk = chunks[number],
    found = chunk[name];
  if (name === "key") return Array.isArray(found) ? found : (chunk.key = frontDecoded(found));
  if (typeof found.values === "string") {
    chunk[name] = { values: frontDecoded(found.values), codes: unpack(found.codes, Uint16Array) };
  }
  return chunk[name];
}

// The text of a row: its key, subject, live_key or guide_key; null where there is none.
function textOf(row, name) {
  const found = texts(row >> 16, name),
    place = row & 65535;
  return name === "key" ? found[place] : found.codes[place] === NONE ? null : found.values[found.codes[place]];
}

// The row of a key; −1 for none.
function rowOf(key) {
  for (let number = 0; number < chunks.length; number++) {
    const at = texts(number, "key").indexOf(key);
    if (at >= 0) return number * CHUNK + at;
  }
  return -1;
}

// Calls `found(row)` for each row with `part` in one of its texts.
function search(part, found) {
  for (let number = 0; number < chunks.length; number++) {
    const keys = texts(number, "key");
    const others = ["subject", "live_key", "guide_key"].map(name => {
      const { values, codes } = texts(number, name);
      return { codes, hit: values.map(value => value.includes(part)) };
    });
    for (let place = 0; place < keys.length; place++) {
      if (keys[place].includes(part) || others.some(({ codes, hit }) => hit[codes[place]]))
        found(number * CHUNK + place);
    }
  }
}

function load() {
  return Promise.all(
    META.scripts.map(
      source =>
        new Promise((done, failed) => {
          const script = document.createElement("script");
          script.src = source;
          script.onload = done;
          script.onerror = () =>
            failed(new Error(`${source} could not be loaded: the folder explorer/ must lie beside this page.`));
          document.head.append(script);
        }),
    ),
  );
}

// Pictures: the row of each, the picture of each row (−1: none), and where it is on its sheet.
const pictured = unpack(META.pictures.rows, Uint32Array);
const present = unpack(META.pictures.present, Uint8Array); // bits: live, guide, spoof
const pictureOf = new Int32Array(META.rows).fill(-1);
pictured.forEach((row, picture) => {
  pictureOf[row] = picture;
});
function place(kind, picture) {
  const { prefix, side, per, columns: across } = META.pictures[kind],
    at = picture % per;
  const sheet = String(Math.floor(picture / per) + 1).padStart(4, "0");
  return {
    source: `${prefix}-${sheet}.webp`,
    side,
    column: at % across,
    row: Math.floor(at / across),
    across,
    down: per / across,
  };
}

// Words for what a row holds.
const fixed = (value, decimals) =>
  Number.isFinite(value)
    ? value
        .toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
        .replace("-", "−")
    : "—";
const whole = value => value.toLocaleString("en");
const styleOf = row => META.styles[columns.style[row]];
const t0Of = row => (columns.t0[row] < 0 ? "—" : String(columns.t0[row]));
function verdictOf(row) {
  if (columns.accepted[row] < 0) return "not audited";
  if (columns.accepted[row]) return "accepted";
  const reason = META.reasons[columns.reason[row]];
  return reason ? `refused: ${reason}` : "refused";
}

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}
