// Filters: choices and ranges. A row's mask has a bit for each filter that it fails; it is selected at zero. So the
// counts beside a filter's own choices are of the rows that pass all the others.
const distinct = values => [...new Set(values)].sort();
const domains = distinct(META.styles.map(style => style.domain)),
  attacks = distinct(META.styles.map(style => style.attack));
const domainOf = META.styles.map(style => domains.indexOf(style.domain));
const attackOf = META.styles.map(style => attacks.indexOf(style.attack));
const verdicts = ["refused", "accepted", "not audited"];
const reasons = distinct(META.reasons.filter(Boolean).flatMap(reason => reason.split(", "))); // a row may have several
const CHOICES = [
  { name: "style", title: "Style", values: META.styles.map(style => style.style), code: row => columns.style[row] },
  { name: "domain", title: "Domain", values: domains, code: row => domainOf[columns.style[row]] },
  { name: "attack", title: "Attack", values: attacks, code: row => attackOf[columns.style[row]] },
  {
    name: "verdict",
    title: "Verdict",
    values: verdicts,
    code: row => (columns.accepted[row] < 0 ? 2 : columns.accepted[row]),
  },
  {
    name: "reason",
    title: "Refused for",
    values: reasons,
    code: row => (columns.accepted[row] === 0 ? columns.reason[row] : -1),
    parts: META.reasons.map(text => text.split(", ").map(reason => reasons.indexOf(reason))),
  },
  { name: "live", title: "Domain of the live face", values: META.domains, code: row => columns.live_domain[row] },
  { name: "split", title: "Split", values: META.splits, code: row => columns.split[row] },
];
const RANGES = [
  { name: "t0", title: "T₀", column: "t0", decimals: 0 },
  { name: "w", title: "w", column: "cfg_scale", decimals: 2 },
  { name: "brisque", title: "BRISQUE", column: "brisque", decimals: 1 },
  { name: "distance", title: "Identity distance", column: "distance", decimals: 3 },
];
[...CHOICES, ...RANGES].forEach((filter, place) => {
  filter.bit = 1 << place;
});
const SEARCH = { name: "search", bit: 1 << (CHOICES.length + RANGES.length), text: "" };
const BARS = 40;

const mask = new Uint16Array(META.rows);
let selection = new Uint32Array(0);

const known = (filter, row) => {
  const value = columns[filter.column][row];
  return filter.name === "t0" && value < 0 ? NaN : value;
};

// Counts and axes, once the rows are there; a filter that could not divide them is not shown.
function prepareFilters() {
  for (const filter of CHOICES) {
    filter.chosen = new Set();
    filter.codes = Int16Array.from({ length: META.rows }, (_, row) => filter.code(row));
    filter.counts = new Uint32Array(filter.values.length);
    for (let row = 0; row < META.rows; row++) count(filter, row);
    filter.shown = filter.counts.filter(found => found).length > (filter.parts ? 0 : 1);
  }
  for (const filter of RANGES) {
    filter.range = [null, null];
    let low = Infinity,
      high = -Infinity;
    for (let row = 0; row < META.rows; row++) {
      const value = known(filter, row);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    filter.least = low;
    filter.most = high;
    filter.shown = low < high;
    filter.span =
      filter.name === "brisque"
        ? META.brisque.span
        : filter.name === "distance"
          ? [Math.min(low, 0), high]
          : [low, high];
    filter.bars = new Uint32Array(BARS);
  }
}

function count(filter, row) {
  const code = filter.codes[row];
  if (!filter.parts) filter.counts[code]++;
  else if (code >= 0) for (const part of filter.parts[code]) filter.counts[part]++;
}

function test(filter) {
  if (filter === SEARCH) {
    const hit = new Uint8Array(META.rows);
    if (SEARCH.text)
      search(SEARCH.text, row => {
        hit[row] = 1;
      });
    return row => !SEARCH.text || hit[row];
  }
  if (filter.chosen) {
    const passes = (filter.parts ?? filter.values.map((_, code) => [code])).map(
      parts => !filter.chosen.size || parts.some(part => filter.chosen.has(part)),
    );
    return row => passes[filter.codes[row]] ?? !filter.chosen.size;
  }
  const [low, high] = filter.range.map((bound, end) => bound ?? (end ? Infinity : -Infinity));
  const open = filter.range.every(bound => bound === null);
  return row => {
    const value = known(filter, row);
    return open || (value >= Math.fround(low) && value <= Math.fround(high));
  };
}

// Apply filters that changed, then count again.
function refilter(changed) {
  for (const filter of changed) {
    const passes = test(filter);
    for (let row = 0; row < META.rows; row++)
      mask[row] = passes(row) ? mask[row] & ~filter.bit : mask[row] | filter.bit;
  }
  let size = 0;
  const found = new Uint32Array(META.rows);
  for (const filter of CHOICES) filter.counts.fill(0);
  for (const filter of RANGES) filter.bars.fill(0);
  for (let row = 0; row < META.rows; row++) {
    const failed = mask[row];
    if (!failed) found[size++] = row;
    if (failed & (failed - 1)) continue; // two filters or more: counted nowhere
    for (const filter of CHOICES) if (!(failed & ~filter.bit)) count(filter, row);
    for (const filter of RANGES) {
      if (failed & ~filter.bit) continue;
      const value = known(filter, row);
      if (!Number.isNaN(value)) filter.bars[barOf(filter, value)]++;
    }
  }
  selection = found.subarray(0, size);
}

function barOf({ span: [low, high] }, value) {
  return Math.max(0, Math.min(BARS - 1, Math.floor(((value - low) / (high - low)) * BARS)));
}

const isSet = filter =>
  filter === SEARCH ? SEARCH.text : filter.chosen ? filter.chosen.size : filter.range.some(bound => bound !== null);

function empty(filter) {
  if (filter === SEARCH) SEARCH.text = document.getElementById("search").value = "";
  else if (filter.chosen) filter.chosen.clear();
  else filter.range = [null, null];
}

// A filter in words: "Style phone-mask or phone-print", "T₀ from 400 to 410".
function wordsOf(filter) {
  if (filter === SEARCH) return `“${SEARCH.text}”`;
  if (filter.chosen) {
    const names = [...filter.chosen].map(code => filter.values[code]);
    return `${filter.title} ${names.length > 2 ? `${names[0]} or ${names.length - 1} others` : names.join(" or ")}`;
  }
  const [low, high] = filter.range.map(bound => (bound === null ? null : String(bound).replace("-", "−")));
  return filter.title + (low === null ? "" : ` from ${low}`) + (high === null ? "" : ` to ${high}`);
}

// The filters as the address holds them, and back.
function toAddress(extra) {
  const parts = new URLSearchParams();
  for (const filter of [...CHOICES, ...RANGES].filter(isSet)) {
    parts.set(
      filter.name,
      filter.chosen
        ? [...filter.chosen].map(code => filter.values[code]).join("|")
        : filter.range.map(bound => bound ?? "").join("…"),
    );
  }
  if (SEARCH.text) parts.set("search", SEARCH.text);
  for (const [name, value] of Object.entries(extra)) if (value) parts.set(name, value);
  return parts.toString();
}

function fromAddress(text) {
  const parts = new URLSearchParams(text);
  for (const filter of CHOICES) {
    filter.chosen = new Set(
      (parts.get(filter.name) ?? "")
        .split("|")
        .map(value => filter.values.indexOf(value))
        .filter(code => code >= 0),
    );
  }
  for (const filter of RANGES) {
    const bounds = (parts.get(filter.name) ?? "…").split("…");
    filter.range = [0, 1].map(end =>
      bounds[end] && Number.isFinite(Number(bounds[end])) ? Number(bounds[end]) : null,
    );
  }
  SEARCH.text = parts.get("search") ?? "";
  return parts;
}
