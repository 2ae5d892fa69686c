// Web vitals, observed from the beginning of the document. What they are: https://web.dev/articles/vitals and the pages of each;
// computed as https://github.com/GoogleChrome/web-vitals does.

const vitals = { lcp: null, fcp: null, sessions: { worst: 0, value: 0, first: 0, last: 0 }, interactions: new Map(), observed: new Set() };

function observeEntries(type, take, options) {
  try {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) return;
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...options });
    vitals.observed.add(type);
  } catch {
    // A document that is not allowed to measure itself.
  }
}

// https://web.dev/articles/inp: the worst of the events of each interaction.
function interacted(entry) {
  if (!entry.interactionId) return;
  const known = vitals.interactions.get(entry.interactionId) ?? 0;
  vitals.interactions.set(entry.interactionId, Math.max(known, entry.duration));
}

if (window === window.parent && window.PerformanceObserver) {
  observeEntries('largest-contentful-paint', (entry) => {
    vitals.lcp = entry.startTime;
  });
  observeEntries('paint', (entry) => {
    if (entry.name === 'first-contentful-paint') vitals.fcp = entry.startTime;
  });
  // https://web.dev/articles/cls: the largest sum of a session, whose shifts follow within 1 s and which lasts 5 s at most.
  observeEntries('layout-shift', (entry) => {
    if (entry.hadRecentInput) return;
    const session = vitals.sessions;
    const goes = session.value > 0 && entry.startTime - session.last < 1000 && entry.startTime - session.first < 5000;
    if (!goes) Object.assign(session, { value: 0, first: entry.startTime });
    session.value += entry.value;
    session.last = entry.startTime;
    session.worst = Math.max(session.worst, session.value);
  });
  observeEntries('event', interacted, { durationThreshold: 16 });
  observeEntries('first-input', interacted);
}

// What was measured so far, in milliseconds; null for what is not there, `missing` for what the browser does not measure.
function measured() {
  const [navigation] = performance.getEntriesByType('navigation');
  const durations = [...vitals.interactions.values()].sort((a, b) => b - a);
  // Of each 50 interactions the worst is left out: an approximation of the 98th percentile.
  const count = Math.max(performance.interactionCount ?? 0, durations.length);
  const inp = durations.length > 0 ? durations[Math.min(durations.length - 1, Math.floor(count / 50))] : null;
  const supported = globalThis.PerformanceObserver?.supportedEntryTypes ?? [];
  const needs = { lcp: 'largest-contentful-paint', fcp: 'paint', cls: 'layout-shift', inp: 'event' };
  return {
    lcp: vitals.lcp,
    fcp: vitals.fcp,
    cls: vitals.observed.has('layout-shift') ? vitals.sessions.worst : null,
    inp,
    ttfb: navigation && navigation.responseStart > 0 ? navigation.responseStart : null,
    missing: Object.keys(needs).filter((name) => !supported.includes(needs[name])),
  };
}
