"use strict";
// Draws the report from the data beside it. Texts of a run become text nodes only: no markup is made of them.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { begin, width, buckets } = data;
  const start = data.first === null ? begin : data.first;
  const WHOLE = [0, buckets * width];
  const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
  const state = { offsets: false, window: WHOLE };
  const charts = [];

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "class") made.className = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  let ids = 0;
  const id = (word) => `${word}-${(ids += 1)}`;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Times and figures as texts.
  const two = (n) => String(n).padStart(2, "0");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

  function clock(seconds, step) {
    const at = new Date(Math.round(seconds * 1000));
    const minutes = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
    if (step >= 60) return minutes;
    const rest = step < 1 ? `.${Math.floor(at.getUTCMilliseconds() / 100)}` : "";
    return `${minutes}:${two(at.getUTCSeconds())}${rest}`;
  }

  const day = (seconds) => {
    const at = new Date(seconds * 1000);
    return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
  };

  function utc(seconds, step) {
    const at = new Date(Math.round(seconds * 1000));
    return `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())} ${clock(seconds, step)} UTC`;
  }

  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function span(seconds) {
    // To the millisecond; at most two units, so that 01:02:03 reads "1 h 2 min" and 63.5 s "1 min 3.5 s".
    const total = Math.round(Math.abs(seconds) * 1000) / 1000;
    if (!total) return "0 s";
    const [unit, name] = UNITS.find(([length]) => total >= length) || UNITS[3];
    if (name === "s") return `${+total.toFixed(3)} s`;
    const whole = Math.floor(total / unit);
    const [below, belowName] = UNITS[UNITS.findIndex(([length]) => length === unit) + 1];
    const rest = Math.round(((total - whole * unit) / below) * 10) / 10;
    return rest ? `${whole} ${name} ${rest} ${belowName}` : `${whole} ${name}`;
  }

  const offset = (seconds) => `${seconds < 0 ? "−" : "+"}${span(seconds)}`;
  const when = (seconds, step = width) => `${utc(seconds, step)} (${offset(seconds - start)})`;

  function figure(value, unit) {
    if (value === null || value === undefined) return "–";
    if (unit === "ms") return value >= 1000 ? span(value / 1000) : `${+value.toFixed(1)} ms`;
    if (unit === "s") return span(value);
    return value.toLocaleString("en");
  }

  function short(value, unit) {
    // For an axis, where there is little room.
    if (unit === "ms") return value >= 1000 ? `${+(value / 1000).toFixed(1)} s` : `${+value.toFixed(1)} ms`;
    if (unit === "s") {
      if (value >= 172800) return `${+(value / 86400).toFixed(1)} d`;
      if (value >= 7200) return `${+(value / 3600).toFixed(1)} h`;
      return value >= 120 ? `${+(value / 60).toFixed(1)} min` : `${+value.toFixed(2)} s`;
    }
    if (value >= 1e6) return `${+(value / 1e6).toFixed(1)}M`;
    return value >= 1e4 ? `${+(value / 1e3).toFixed(1)}k` : `${+value.toFixed(2)}`;
  }

  // Plots.
  const xs = Array.from({ length: buckets }, (_, n) => (n + 0.5) * width);
  const TIME_STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const VALUE_STEPS = {
    s: [0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 345600],
    ms: [0.001, 0.01, 0.1, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000, 120000, 300000, 600000],
  };
  const COUNT_STEPS = [];
  for (let power = 1; power < 1e9; power *= 10) COUNT_STEPS.push(power, 2 * power, 5 * power);

  function splits(chart, axis, low, high) {
    // Whole minutes and hours: of the clock, or since the start.
    const wanted = Math.max(2, chart.bbox.width / devicePixelRatio / (state.offsets ? 84 : 60));
    let step = TIME_STEPS.find((one) => (high - low) / one <= wanted);
    for (step ||= 2 * 86400; (high - low) / step > wanted; ) step *= 2;
    chart.timeStep = step;
    const zero = state.offsets ? start - begin : -begin;
    const found = [];
    for (let n = Math.ceil((low - zero) / step - 1e-9); zero + n * step <= high + 1e-9; n += 1) found.push(zero + n * step);
    return found;
  }

  function labels(chart, ticks) {
    const step = chart.timeStep;
    let before = "";
    return ticks.map((tick) => {
      if (state.offsets) return offset(begin + tick - start);
      const at = begin + tick;
      const date = day(at);
      const said = step >= 86400 ? date : date === before ? clock(at, step) : `${clock(at, step)}\n${date}`;
      before = date;
      return said;
    });
  }

  // Where the longest of durations are far beyond the usual ones, a straight scale would show only those.
  const DECADES = [0, 10, 100, 1000, 10000, 100000, 1000000];
  function isWide(plot) {
    if (plot.unit !== "ms") return false;
    const usual = plot.series[0].values.filter((value) => value).sort((one, other) => one - other);
    const most = Math.max(0, ...plot.series.map((series) => highest(series.values)));
    return usual.length > 0 && most > 20 * usual[Math.floor(usual.length / 2)];
  }

  function path(chart, series, first, last, filled) {
    // A value stands for its whole bucket; a gap is a gap, on both sides.
    const values = chart.data[series];
    const stroke = new Path2D();
    const fill = filled ? new Path2D() : null;
    const half = width / 2;
    const floor = chart.valToPos(0, "y", true);
    let joined = false;
    for (let n = first; n <= last; n += 1) {
      const value = values[n];
      if (value === null || value === undefined) {
        joined = false;
        continue;
      }
      const left = chart.valToPos(xs[n] - half, "x", true);
      const right = Math.max(chart.valToPos(xs[n] + half, "x", true), left + devicePixelRatio);
      const top = chart.valToPos(value, "y", true);
      if (filled) fill.rect(left, top, right - left, floor - top);
      if (joined) stroke.lineTo(left, top);
      else stroke.moveTo(left, top);
      stroke.lineTo(right, top);
      joined = true;
    }
    return { stroke, fill, clip: null, flags: 1 };
  }

  // An alarm is drawn in the plots of the queue or function that it watches; one that watches neither, in all.
  const raisedFor = (kind, name) => data.alarms
    .filter((alarm) => (alarm.queue || alarm.function ? alarm[kind] === name : true))
    .flatMap((alarm) => alarm.states.filter((one) => one.state === "ALARM").map((one) => ({ alarm: alarm.name, from: one.from, to: one.to ?? begin + WHOLE[1] })));

  function bands(chart, raised) {
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const one of raised) {
      const left = chart.valToPos(one.from - begin, "x", true);
      const right = Math.max(chart.valToPos(one.to - begin, "x", true), left + 2);
      ctx.fillStyle = css("--alarm");
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
      ctx.strokeStyle = css("--hatch");
      ctx.lineWidth = devicePixelRatio;
      ctx.save();
      ctx.beginPath();
      ctx.rect(left, bbox.top, right - left, bbox.height);
      ctx.clip();
      ctx.beginPath();
      const gap = 9 * devicePixelRatio;
      for (let x = left - bbox.height; x < right; x += gap) {
        ctx.moveTo(x, bbox.top + bbox.height);
        ctx.lineTo(x + bbox.height, bbox.top);
      }
      ctx.stroke();
      ctx.restore();
    }
    ctx.restore();
  }

  function options(plot, raised, size, tell) {
    const axis = { stroke: () => css("--faint"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: { stroke: () => css("--grid"), width: 1 }, font: "12px system-ui, sans-serif" };
    const wide = isWide(plot);
    const decades = wide ? { splits: (_, n, low, high) => DECADES.filter((value) => value <= high), filter: (_, ticks) => ticks } : {};
    return {
      width: size.width, height: size.height, padding: [8, 26, 0, 0], legend: { show: false },
      cursor: {
        sync: { key: "run" }, y: false, points: { size: 7 },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => zoom(WHOLE) },
      },
      scales: {
        x: { time: false, range: () => state.window },
        y: {
          range: (_, low, high) => [0, high > 0 ? high * (wide ? 2 : 1.08) : 1],
          ...(wide ? { distr: 4, asinh: 1 } : {}),
        },
      },
      axes: [
        { ...axis, splits, values: labels, size: 50 },
        { ...axis, size: 58, incrs: VALUE_STEPS[plot.unit] || COUNT_STEPS, ...decades, values: (_, ticks) => ticks.map((tick) => short(tick, plot.unit)) },
      ],
      series: [{}, ...plot.series.map((series, n) => ({
        label: series.name, stroke: () => css(`--series-${n % 4}`), width: 1.75, dash: DASHES[n % 4],
        fill: n === 0 ? () => css("--series-0") + "59" : undefined,
        paths: (chart, index, first, last) => path(chart, index, first, last, n === 0),
        points: { show: false }, spanGaps: false,
      }))],
      hooks: {
        drawClear: [(chart) => bands(chart, raised)],
        setCursor: [(chart) => tell(chart.cursor.idx)],
        setSelect: [(chart) => {
          if (chart.select.width < 4) return;
          const low = chart.posToVal(chart.select.left, "x");
          const high = chart.posToVal(chart.select.left + chart.select.width, "x");
          chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          zoom([low, high]);
        }],
      },
    };
  }

  function zoom([low, high]) {
    const least = Math.min(WHOLE[1], 4 * width);
    const length = Math.min(WHOLE[1], Math.max(least, high - low));
    const left = Math.max(0, Math.min(low, WHOLE[1] - length));
    state.window = [left, left + length];
    for (const chart of charts) chart.setScale("x", { min: state.window[0], max: state.window[1] });
    wholeRun.hidden = length >= WHOLE[1];
  }

  const redraw = () => charts.forEach((chart) => chart.redraw(true, true));
  const highest = (values) => values.reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), null);
  const told = (plot) => (plot.about.startsWith("the sum") ? "in all" : "most");
  const overall = (plot, values) => (plot.about.startsWith("the sum") ? values.reduce((sum, value) => sum + value, 0) : highest(values));

  function sample(plot, n) {
    const colour = `var(--series-${n % 4})`;
    const line = svg("line", { x1: 0, y1: 6, x2: 30, y2: 6, "stroke-width": 2.5, "stroke-dasharray": DASHES[n % 4].join(" ") });
    line.style.stroke = colour;
    return svg("svg", { width: 30, height: 12, "aria-hidden": "true" }, line);
  }

  function drawn(plot, owner, raised) {
    const title = id("plot");
    const values = plot.series.map(() => el("b"));
    const at = el("p", { class: "at" });
    const chart = el("div", {
      class: "chart", tabindex: 0, role: "slider", "aria-labelledby": title, "aria-orientation": "horizontal",
      "aria-valuemin": 1, "aria-valuemax": Math.max(1, buckets), "aria-valuenow": 1, "aria-describedby": "keys",
    });
    const legend = el("ul", { class: "legend" }, ...plot.series.map((series, n) =>
      el("li", {}, sample(plot, n), `${series.name}: `, values[n])));
    const names = [...new Set(raised.map((one) => one.alarm))];
    if (names.length) legend.append(el("li", {}, hatched(), `alarm: ${names.join(", ")}`));

    let shown = null;
    function tell(n) {
      shown = n;
      const here = n !== null && n !== undefined;
      plot.series.forEach((series, k) => {
        values[k].textContent = here ? figure(series.values[n], plot.unit) : `${figure(overall(plot, series.values), plot.unit)} ${told(plot)}`;
      });
      at.textContent = here ? when(begin + n * width) : `each point is ${span(width)}: ${plot.about}${isWide(plot) ? "; logarithmic scale" : ""}`;
      chart.setAttribute("aria-valuenow", here ? n + 1 : 1);
      chart.setAttribute("aria-valuetext", here
        ? `${when(begin + n * width)}: ${plot.series.map((series) => `${series.name} ${figure(series.values[n], plot.unit)}`).join(", ")}`
        : plot.series.map((series) => `${series.name} ${figure(overall(plot, series.values), plot.unit)} ${told(plot)}`).join(", "));
    }
    tell(null);

    let made = null;
    function make() {
      if (made) return;
      made = new uPlot(options(plot, raised, { width: chart.clientWidth, height: chart.clientHeight }, tell), [xs, ...plot.series.map((series) => series.values)], chart);
      charts.push(made);
      new ResizeObserver(() => made.setSize({ width: chart.clientWidth, height: chart.clientHeight })).observe(chart);
    }
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      make();
    }, { rootMargin: "400px" });
    seen.observe(chart);

    function place(n) {
      make();
      const at_ = Math.max(0, Math.min(buckets - 1, n));
      const [low, high] = state.window;
      if (xs[at_] < low || xs[at_] > high) zoom([xs[at_] - (high - low) / 2, xs[at_] + (high - low) / 2]);
      // uPlot takes a new scale over in a microtask of its own: the cursor's place is known behind it.
      queueMicrotask(() => made.setCursor({ left: made.valToPos(xs[at_], "x"), top: 10 }));
    }
    function magnify(factor) {
      const [low, high] = state.window;
      const kept = shown;
      const middle = kept === null || kept === undefined ? (low + high) / 2 : xs[kept];
      zoom([middle - ((high - low) * factor) / 2, middle + ((high - low) * factor) / 2]);
      if (kept !== null && kept !== undefined) place(kept);
    }
    const page = Math.max(1, Math.round(buckets / 10));
    const here = () => (shown === null || shown === undefined ? Math.floor(state.window[0] / width) - 1 : shown);
    const keys = {
      ArrowLeft: () => place(here() - 1), ArrowRight: () => place(here() + 1), ArrowDown: () => place(here() - 1), ArrowUp: () => place(here() + 1),
      PageDown: () => place(here() - page), PageUp: () => place(here() + page), Home: () => place(0), End: () => place(buckets - 1),
      "+": () => magnify(0.5), "=": () => magnify(0.5), "-": () => magnify(2), 0: () => zoom(WHOLE),
      Escape: () => { zoom(WHOLE); made?.setCursor({ left: -10, top: -10 }); },
    };
    chart.addEventListener("keydown", (event) => {
      const act = keys[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
    return el("figure", { class: "plot" },
      el("figcaption", {}, el("h4", { id: title }, `${plot.title} `, el("span", { class: "faint" }, `(${plot.unit})`))),
      legend, chart, at, table(plot, owner));
  }

  function hatched() {
    const lines = [0, 8, 16, 24].map((x) => {
      const line = svg("line", { x1: x, y1: 12, x2: x + 12, y2: 0, "stroke-width": 1.5 });
      line.style.stroke = "var(--hatch)";
      return line;
    });
    const ground = svg("rect", { width: 30, height: 12 });
    ground.style.fill = "var(--alarm)";
    return svg("svg", { width: 30, height: 12, "aria-hidden": "true" }, ground, ...lines);
  }

  // The same data as a table, made when it is opened.
  function table(plot, owner) {
    const rows = [];
    for (let n = 0; n < buckets; n += 1) if (plot.series.some((series) => series.values[n] !== null)) rows.push(n);
    const details = el("details", {}, el("summary", {}, `Table of ${plot.title.toLowerCase()} (${rows.length.toLocaleString("en")} rows)`));
    details.addEventListener("toggle", () => {
      if (!details.open || details.children.length > 1) return;
      const head = ["Time (UTC)", "Since start", ...plot.series.map((series) => `${series.name} (${plot.unit})`)];
      details.append(grid({
        caption: `${owner}: ${plot.title.toLowerCase()}; ${plot.about}. Left out: points without data.`,
        columns: head, words: 2, tall: true,
        rows: rows.map((n) => [utc(begin + n * width, width).slice(0, -4), offset(begin + n * width - start), ...plot.series.map((series) => plain(series.values[n]))]),
      }));
    });
    return details;
  }

  const plain = (value) => (value === null ? "–" : String(value));

  function grid({ caption, columns, rows, words = 1, left = null, bad = [], tall = false, long = -1, hushed = false }) {
    const isWord = (n) => (left ? left.includes(n) : n < words) || n === long;
    const looks = (n, cell) => {
      const names = [isWord(n) && "word", n === long && "long", cell !== null && bad.includes(n) && cell !== "0" && cell !== "-" && "bad"].filter(Boolean);
      return names.length ? { class: names.join(" ") } : {};
    };
    return el("div", { class: tall ? "scroll tall" : "scroll", tabindex: 0, role: "region", "aria-label": caption },
      el("table", {}, el("caption", hushed ? { class: "hushed" } : {}, caption),
        el("thead", {}, el("tr", {}, ...columns.map((column, n) => el("th", { scope: "col", ...looks(n, null) }, column)))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell, n) =>
          (n === 0 ? el("th", { scope: "row", ...looks(n, cell) }, cell) : el("td", looks(n, cell), cell))))))));
  }

  // Sections.
  const contents = el("ul");
  function section(title, children) {
    // The children after the heading, so that the contents have the page's order.
    const heading = el("h2", { id: id("section"), tabindex: -1 }, title);
    contents.append(el("li", {}, el("a", { href: `#${heading.id}` }, title)));
    return el("section", { "aria-labelledby": heading.id }, heading, ...children());
  }

  const AT_ONCE = 30;

  function owners(kind, all) {
    // Of many, each is made when it is opened.
    if (all.length <= AT_ONCE) return all.map((one) => owner(kind, one));
    return all.map((one) => {
      const details = el("details", { class: "item" }, el("summary", {}, `${kind} ${one.name}`));
      details.addEventListener("toggle", () => {
        if (details.open && details.children.length === 1) details.append(...plotsOf(kind, one));
      });
      return details;
    });
  }

  function owner(kind, one) {
    const heading = el("h3", { id: id(kind), tabindex: -1 }, `${kind} ${one.name}`);
    contents.append(el("li", {}, el("a", { href: `#${heading.id}` }, `${kind} ${one.name}`)));
    return el("section", { "aria-labelledby": heading.id }, heading, ...plotsOf(kind, one));
  }

  function plotsOf(kind, one) {
    const raised = raisedFor(kind.toLowerCase(), one.name);
    const none = one.none.length ? [el("p", { class: "faint" }, `No ${one.none.join(" and no ")}.`)] : [];
    return [...none, el("div", { class: "plots" }, ...one.plots.map((plot) => drawn(plot, one.name, raised)))];
  }

  function alarm(one) {
    const heading = el("h3", {}, one.name);
    const strip = svg("svg", { class: "strip", viewBox: "0 0 1000 20", preserveAspectRatio: "none", role: "img", "aria-label": `${one.name}: when it was raised; the table says the same` });
    const ground = svg("rect", { width: 1000, height: 20 });
    ground.style.fill = "var(--raised)";
    strip.append(ground);
    const across = (seconds) => Math.max(0, Math.min(1000, ((seconds - begin) / WHOLE[1]) * 1000));
    for (const each of one.states.filter((state_) => state_.state === "ALARM")) {
      const left = Math.min(997, across(each.from));
      const bar = svg("rect", { x: left, width: Math.max(3, across(each.to ?? begin + WHOLE[1]) - left), height: 20 });
      bar.style.fill = "var(--bad)";
      strip.append(bar);
    }
    const rows = one.states.map((each) => [each.state, when(each.from, 60), each.to === null ? "the end" : when(each.to, 60), each.reason]);
    return el("div", { class: "alarm" }, heading, el("p", { class: "faint" }, one.watched), strip, rows.length
      ? grid({ caption: `States of ${one.name}${one.more ? `; ${one.more.toLocaleString("en")} more are left out` : ""}`, columns: ["State", "From", "To", "Reason"], words: 3, long: 3, tall: true, rows })
      : el("p", {}, "Its state never changed."));
  }

  function said(response) {
    // What AWS's error object says; a response that was cut is no JSON any longer.
    try {
      const text = String(JSON.parse(response).errorMessage ?? "");
      return text.length > 140 ? `${text.slice(0, 140)}…` : text;
    } catch {
      return "";
    }
  }

  function invocation(one) {
    const message = said(one.response);
    const ended = one.error_type === null ? "succeeded" : `${one.error_type} (${one.cause})`;
    const body = el("dl");
    const pairs = [["Started", when(one.started, 0.1)], ["Duration", figure(one.duration_ms, "ms")], ["Request", one.request_id], ["Version", one.version], ["Response", one.response]];
    if (one.init_ms !== null) pairs.splice(2, 0, ["Initialisation", figure(one.init_ms, "ms")]);
    if (one.output_dropped_bytes) pairs.push(["Output not kept", `${one.output_dropped_bytes.toLocaleString("en")} bytes`]);
    for (const [term, text] of pairs) body.append(el("dt", {}, term), el("dd", {}, text));
    return el("details", { class: "item" },
      el("summary", {}, `${one.function}: `, el("span", one.error_type === null ? {} : { class: "bad" }, ended), one.error_type !== null && message ? `: ${message}` : "", `, ${figure(one.duration_ms, "ms")}, `, el("span", { class: "faint" }, when(one.started, 0.1))),
      body, el("pre", { tabindex: 0, role: "region", "aria-label": `End of the log of ${one.request_id}` }, one.log || "(no log)"));
  }

  // A long text behind its beginning.
  const folded = (text) => (text.length <= 120 ? text : el("details", {}, el("summary", {}, `${text.slice(0, 80)}…`), text));

  const COLUMNS = {
    messages: [["Time", "Message", "From", "To", "Receives", "Body"], (one) => [when(one.time, 0.1), one.message_id, one.queue, one.target, String(one.receive_count), folded(one.body)], 5],
    doubles: [["Shown again", "Message", "Queue", "Still handled by", "Given again to", "Cause", "What ends it"],
      (one) => [when(one.time, 0.1), one.message_id, one.queue, one.first, one.again ?? "–", one.cause, one.set ?? "–"], 5],
    discarded: [["Time", "Function", "Request", "Condition", "Attempts"], (one) => [when(one.time, 0.1), one.function, one.request_id, one.condition, String(one.attempts)], -1],
  };

  function list(one) {
    const count = one.total === null ? one.about : `${one.total.toLocaleString("en")} in all; here: ${one.about}`;
    if (one.kind === "invocations") return section(one.title, () => [el("p", { class: "faint" }, `${count}.`), ...one.items.map(invocation)]);
    const [columns, row, long] = COLUMNS[one.kind];
    return section(one.title, () => [grid({ caption: `${count}.`, columns, words: columns.length, long, rows: one.items.map(row) })]);
  }

  const wholeRun = el("button", { type: "button", hidden: "", onclick: () => { zoom(WHOLE); } }, "Show the whole run");
  function choice(label, chosen, change) {
    const select = el("select", { onchange: () => change(select.value) }, ...chosen.map(([value, text]) => el("option", { value }, text)));
    return el("label", {}, label, select);
  }

  const WORDS = { succeeded: "Succeeded.", failed: "Failed.", interrupted: "Interrupted." };
  const keysOfPlots = el("p", { class: "keys", id: "keys" });
  [["←"], " ", ["→"], " move the cursor of a plot that has the focus, ", ["+"], " ", ["-"], " zoom all plots, ", ["0"], " shows the whole run; drag across a plot to zoom with a pointer."]
    .forEach((part) => keysOfPlots.append(typeof part === "string" ? part : el("kbd", {}, part[0])));

  const facts = el("dl", { class: "facts" });
  for (const [term, text] of data.facts) facts.append(el("div", {}, el("dt", {}, term), el("dd", {}, text)));
  document.getElementById("head").append(
    el("h1", {}, "Report of a run"),
    el("p", { class: `verdict ${data.verdict.state}` }, el("strong", {}, WORDS[data.verdict.state]), data.verdict.text),
    facts,
    el("div", { class: "controls" },
      choice("Theme", [["", "as the system"], ["light", "light"], ["dark", "dark"]], (theme) => { document.documentElement.dataset.theme = theme; redraw(); }),
      choice("Times", [["", "UTC"], ["offsets", "since the start"]], (offsets) => { state.offsets = Boolean(offsets); redraw(); }),
      wholeRun),
    keysOfPlots,
    el("nav", { class: "contents", "aria-label": "Contents" }, contents));

  const main = document.getElementById("main");
  main.append(section("Summary", () => [
    ...data.tables.flatMap((one) => [
      grid({ caption: `Figures: ${one.title.toLowerCase()}`, hushed: true, ...one }),
      ...(one.notes.length ? [el("ul", { class: "notes" }, ...one.notes.map((note) => el("li", {}, note)))] : []),
    ]),
    ...(data.notes.length ? [el("h3", {}, "Notes"), el("ul", { class: "notes" }, ...data.notes.map((note) => el("li", {}, note)))] : []),
  ]));
  if (data.alarms.length) main.append(section("Alarms", () => data.alarms.map(alarm)));
  if (data.queues.length) main.append(section("Queues", () => owners("Queue", data.queues)));
  if (data.functions.length) main.append(section("Functions", () => owners("Function", data.functions)));
  main.append(...data.lists.map(list));
  main.append(el("footer", {}, "A gap in a plot is a time for which CloudWatch would have no figure. A queue has figures while it holds messages, and for six hours longer."));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
})();
