// Distributions of the selected spoofs: BRISQUE against the real faces of the same styles and domains, and the
// distance of identities against all generated.
const WIDE = 520,
  HIGH = 160,
  BASE = HIGH - 34,
  MARGIN = 10;

function ticks(low, high) {
  const raw = (high - low) / 8,
    power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(one => raw <= one * 1.000001);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

function outline(shares, x, y) {
  let path = "",
    open = false;
  shares.forEach((share, place) => {
    if (share > 0) path += `${open ? "" : `M${x(place)} ${BASE}`}V${y(share)}H${x(place + 1)}`;
    else if (open) path += `V${BASE}Z`;
    open = share > 0;
  });
  return path + (open ? `V${BASE}Z` : "");
}

// Groups of {name, title, bins, count, mean, sd}, each drawn in shares of itself, with a mark below at its mean.
function histogram(title, groups, [low, high], decimals) {
  const shown = groups.filter(group => group.count),
    bins = groups[0].bins.length;
  const shares = shown.map(group => Array.from(group.bins, count => count / group.count));
  const most = Math.max(1e-9, ...shares.flat());
  const x = place => (MARGIN + (place / bins) * (WIDE - 2 * MARGIN)).toFixed(1);
  const y = share => (BASE - (share / most) * (BASE - 8)).toFixed(1);
  const at = value => x(Math.max(0, Math.min(1, (value - low) / (high - low))) * bins);
  const body = [`<path class="axis" d="M${x(0)} ${BASE}H${x(bins)}"/>`];
  for (const tick of ticks(low, high)) {
    body.push(
      `<text x="${at(tick)}" y="${BASE + 27}" text-anchor="middle">${+tick.toPrecision(6)}</text>`.replace(">-", ">−"),
    );
  }
  shown.forEach((group, place) => {
    body.push(`<path class="area ${group.name}" d="${outline(shares[place], x, y)}"/>`);
    body.push(`<path class="mark ${group.name}" d="M${at(group.mean)} ${BASE + 3}l5 8h-10Z"/>`);
  });
  const words = shown
    .map(group => `${group.title}: ${whole(group.count)}, mean ${fixed(group.mean, decimals)}`)
    .join("; ");
  return `<figure><h2>${title}</h2>
    <svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${title}. ${words || "nothing selected"}">${body.join("")}</svg>
    <table><thead><tr><th></th><th scope="col">scored</th><th scope="col">mean</th>
    <th scope="col"><abbr title="standard deviation">sd</abbr></th></tr></thead>
    <tbody>${groups.map(group => statistics(group, decimals)).join("")}</tbody></table></figure>`;
}

function statistics({ name, title, count, mean, sd }, decimals) {
  const area = `<path class="area ${name}" d="M1 1H23V10H1Z"/>`;
  const figures = [whole(count), ...[mean, sd].map(value => (count ? fixed(value, decimals) : "—"))];
  return `<tr><th scope="row"><svg class="key" viewBox="0 0 24 11" aria-hidden="true">${area}</svg>${title}</th>
    ${figures.map(text => `<td>${text}</td>`).join("")}</tr>`;
}

// Mean and deviation from the sums of values and of squares.
function moments(found, sum, squares) {
  found.mean = sum / (found.count || 1);
  found.sd = Math.sqrt(Math.max(0, squares / (found.count || 1) - found.mean ** 2));
  return found;
}

// Bins of a column over rows.
function binned(rows, column, [low, high], bins) {
  const found = { bins: new Uint32Array(bins), count: 0 };
  let sum = 0,
    squares = 0;
  for (const row of rows) {
    const value = column[row];
    if (Number.isNaN(value)) continue;
    found.bins[Math.max(0, Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins)))]++;
    found.count++;
    sum += value;
    squares += value * value;
  }
  return moments(found, sum, squares);
}

// The real faces of the styles (or of live faces, of the domains) that the choices leave.
function realBins(kind, names) {
  const found = { bins: new Float64Array(META.brisque.bins), count: 0 };
  let sum = 0,
    squares = 0;
  for (const name of names) {
    const part = META.brisque.real[kind][name];
    if (!part) continue;
    part.bins.forEach((count, place) => {
      found.bins[place] += count;
      found.count += count;
    });
    sum += part.sum;
    squares += part.squares;
  }
  return moments(found, sum, squares);
}

let allDistances = null;
function showHistograms() {
  const [style, domain, attack] = CHOICES;
  const left = META.styles.filter(
    (_, code) =>
      (!style.chosen.size || style.chosen.has(code)) &&
      (!domain.chosen.size || domain.chosen.has(domainOf[code])) &&
      (!attack.chosen.size || attack.chosen.has(attackOf[code])),
  );
  const { span, bins } = META.brisque;
  const parts = [];
  const made = { name: "generated", title: "generated, selected", ...binned(selection, columns.brisque, span, bins) };
  const real = [
    {
      name: "spoof",
      title: "real spoofs, same styles",
      ...realBins(
        "spoof",
        left.map(one => one.style),
      ),
    },
    {
      name: "live",
      title: "real live, same domains",
      ...realBins("live", distinct(left.map(one => `${one.domain}-live`))),
    },
  ].filter(group => group.count);
  parts.push(histogram("BRISQUE", [made, ...real], span, 1));
  const distance = RANGES.find(filter => filter.name === "distance");
  if (distance.shown) {
    allDistances ??= binned(
      Uint32Array.from({ length: META.rows }, (_, row) => row),
      columns.distance,
      distance.span,
      bins,
    );
    parts.push(
      histogram(
        "Identity distance to the live face",
        [
          {
            name: "generated",
            title: "generated, selected",
            ...binned(selection, columns.distance, distance.span, bins),
          },
          ...(selection.length < META.rows ? [{ name: "every", title: "all generated", ...allDistances }] : []),
        ],
        distance.span,
        3,
      ),
    );
  }
  document.getElementById("charts").innerHTML = parts.join("");
}
