// Waiting, in the page itself: what is asked for is looked at every frame, and the answer goes out as soon as it is there.

const LISTED = 5;
const secrets = new Set();

// The next frame, or 100 ms where nothing is painted.
function frame() {
  return new Promise((done) => {
    const timer = setTimeout(done, 100);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      done();
    });
  });
}

// Looks until `look` returns something, or the time is up; then returns `last()`. A look that takes long is made less often.
async function until(bound, look, last) {
  const start = performance.now();
  for (;;) {
    const before = performance.now();
    const seen = await look();
    if (seen !== undefined) return seen;
    const now = performance.now();
    if (now - start >= bound) return last();
    if (now - start > 1000 || now - before > 8) await new Promise((done) => setTimeout(done, Math.max(30, 4 * (now - before))));
    else await frame();
  }
}

function located(query) {
  const { found, failed } = find(query);
  const matches = found.length === 1 ? [] : found.slice(0, LISTED).map(summary);
  return { element: found.length === 1 ? found[0] : null, found, told: { count: found.length, matches, failed } };
}

function isDisabled(element) {
  if (call(element, 'matches', ':disabled')) return `disabled${element.disabled ? '' : ` by ${summary(call(element, 'closest', 'fieldset:disabled, optgroup:disabled, select:disabled') ?? element)}`}`;
  for (let up = element; up; up = parentOf(up)) {
    if (attributeOf(up, 'aria-disabled') === 'true') return `disabled by aria-disabled${up === element ? '' : ` of ${summary(up)}`}`;
  }
  return null;
}

function notEditable(element) {
  if (own(element, 'isContentEditable')) return null;
  const field = /^(INPUT|TEXTAREA)$/.test(own(element, 'tagName')) && !/^(button|checkbox|file|hidden|image|radio|reset|submit)$/.test(element.type);
  if (!field) return `nothing that takes text: ${summary(element)}`;
  return element.readOnly || attributeOf(element, 'aria-readonly') === 'true' ? 'read-only' : null;
}

// The middle of the first part of an element that is in the viewport, or null.
function pointOf(element) {
  const [width, height] = [document.documentElement.clientWidth || innerWidth, Math.min(document.documentElement.clientHeight || innerHeight, innerHeight)];
  for (const box of call(element, 'getClientRects')) {
    const [left, right] = [Math.max(0, box.left), Math.min(width, box.right)];
    const [top, bottom] = [Math.max(0, box.top), Math.min(height, box.bottom)];
    if (right - left > 0 && bottom - top > 0) return { x: (left + right) / 2, y: (top + bottom) / 2 };
  }
  return null;
}

function elementAt({ x, y }) {
  let hit = document.elementFromPoint(x, y);
  for (;;) {
    const inner = hit && own(hit, 'shadowRoot')?.elementFromPoint(x, y);
    if (!inner || inner === hit) return hit;
    hit = inner;
  }
}

// What stands in the way at a point, or null.
function coveredBy(element, point) {
  const hit = elementAt(point);
  if (!hit) return 'out of the window';
  return receives(element, hit) ? null : `covered by ${summary(hit)}`;
}

const ALIGNMENTS = ['center', 'end', 'start', 'nearest'];

// Waits until exactly one element is there and fit for what is to be done with it, then prepares it.
//
// `needs`: visible, enabled, editable, stable, hit. `then`: what is done at once, see PREPARE.
// The answer: {ok, x, y, …} or {ok: false, why, count, matches, failed}.
async function ready(query, needs, then, bound) {
  let told = {};
  let scrolls = 0;
  const not = (why, more) => {
    told = { ok: false, why, ...more };
  };
  return until(bound, async () => {
    const seen = located(query);
    const { element } = seen;
    if (!element) return not(null, seen.told);
    const unseen = needs.includes('visible') && hiddenBecause(element);
    if (unseen) return not(unseen, seen.told);
    const disabled = needs.includes('enabled') && isDisabled(element);
    if (disabled) return not(disabled, seen.told);
    const fixed = needs.includes('editable') && notEditable(element);
    if (fixed) return not(fixed, seen.told);
    let point = null;
    if (needs.includes('hit')) {
      point = pointOf(element);
      if (!point) {
        call(element, 'scrollIntoView', { block: 'center', inline: 'center', behavior: 'instant' });
        point = pointOf(element);
      }
    }
    if (needs.includes('stable')) {
      const before = call(element, 'getBoundingClientRect');
      await frame();
      if (!own(element, 'isConnected')) return not('taken out of the document', seen.told);
      const after = call(element, 'getBoundingClientRect');
      if (['x', 'y', 'width', 'height'].some((side) => before[side] !== after[side])) return not('moving', seen.told);
    }
    if (needs.includes('hit')) {
      point = pointOf(element);
      if (!point) return not('out of the window, and does not scroll into it', seen.told);
      const covered = coveredBy(element, point);
      if (covered) {
        // It may be beneath something that does not scroll, such as a header.
        call(element, 'scrollIntoView', { block: ALIGNMENTS[scrolls % 4], inline: ALIGNMENTS[scrolls % 4], behavior: 'instant' });
        scrolls += 1;
        return not(covered, seen.told);
      }
    }
    const prepared = PREPARE[then.do]?.(element, then) ?? {};
    if (prepared.why) return not(prepared.why, seen.told);
    if (then.aim && !prepared.already) aimAt(element, point);
    return { ok: true, ...point, ...prepared };
  }, () => told);
}

// `beforeinput` and `input` as a person's choice fires them.
function changed(element) {
  element.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  element.dispatchEvent(new Event('change', { bubbles: true }));
}

const MARKS = /[^\p{L}\p{N}]+/gu;

// Texts that a field may take for the same: it may write `1,000` for `1000`.
const alikeIn = (left, right) => left.replace(MARKS, '').toLowerCase() === right.replace(MARKS, '').toLowerCase();

const heldBy = (field) => field.value ?? field.textContent;

// What was in the fields that the browser is to write into.
const held = new WeakMap();

// Gives an element the focus. What a page does about it may give it to another.
function focusOn(element) {
  call(element, 'focus');
  const has = own(call(element, 'getRootNode'), 'activeElement');
  if (has && contains(element, has)) return null;
  return `without the focus, which ${has && has !== own(document, 'body') ? `${summary(has)} has` : 'it does not take'}`;
}

const isSet = (element) => element.checked ?? attributeOf(element, 'aria-checked') === 'true';
const canBeSet = (element) => /^(checkbox|radio)$/.test(element.type) || call(element, 'hasAttribute', 'aria-checked');

const PREPARE = {
  focus: (element) => ({ why: focusOn(element) }),
  scroll: (element) => {
    call(element, 'scrollIntoView', { block: 'center', inline: 'center', behavior: 'instant' });
    return {};
  },
  // Puts a text in the place of what is in a field, as the browser's own editing does: with trusted events, in one go with
  // the look at the field. `set` is for fields that nobody types into, `empty` for what is left to the browser.
  replace: (element, { text, secret }) => {
    if (secret) secrets.add(element);
    const why = focusOn(element);
    if (why) return { why };
    if (own(element, 'tagName') === 'INPUT' && /^(color|date|datetime-local|month|range|time|week)$/.test(element.type)) return PREPARE.set(element, { value: text });
    const before = heldBy(element);
    held.set(element, before);
    if (!element.select) {
      getSelection().selectAllChildren(element);
      return { done: before === text, empty: before === '' };
    }
    element.select();
    if (before === text) return { done: true };
    if (text) document.execCommand('insertText', false, text);
    else document.execCommand('delete');
    return { done: element.value !== before || (text && alikeIn(before, text)), empty: before === '' };
  },
  // Looks whether what the browser wrote into a field has got there.
  written: (element, { text }) => {
    const before = held.get(element) ?? '';
    const is = heldBy(element) !== before || (text && alikeIn(before, text));
    return is ? {} : { why: 'as it was: the field did not take the text' };
  },
  set: (element, { value }) => {
    element.value = value;
    if (element.value !== value && element.type !== 'range') return { why: `a field of type ${element.type}, which does not take such a value: ${JSON.stringify(value)}` };
    changed(element);
    return { done: true };
  },
  checked: (element, { value }) => {
    return canBeSet(element) ? { already: isSet(element) === value } : { why: `nothing that can be checked: ${summary(element)}` };
  },
  file: (element) => (element.type === 'file' ? {} : { why: `no input of type file: ${summary(element)}` }),
  choose: (element, { values }) => {
    if (own(element, 'tagName') !== 'SELECT') return { why: `no <select>: ${summary(element)}` };
    if (values.length > 1 && !element.multiple) return { why: 'a <select> that takes one choice only' };
    const options = [...element.options];
    const chosen = values.map((value) => options.find((option) => option.value === value) ?? options.find((option) => says(option.label, value, true)));
    const missing = values.find((_, at) => !chosen[at]);
    const list = options.slice(0, 20).map((option) => JSON.stringify(collapse(option.label))).join(', ');
    if (missing !== undefined) return { why: `without an option ${JSON.stringify(missing)}; it has ${list || 'none'}` };
    const disabled = chosen.find((option) => option.disabled);
    if (disabled) return { why: `with the option ${JSON.stringify(disabled.label)} disabled` };
    element.focus();
    for (const option of options) option.selected = chosen.includes(option);
    changed(element);
    return {};
  },
};

// What was filled into a field as a secret may have been cut or written otherwise by the page.
const isSecret = (element) => element.type === 'password' || [...secrets].some((field) => contains(field, element));

const OBSERVE = {
  visible: (element) => {
    const why = hiddenBecause(element);
    return { value: !why, why };
  },
  text: (element) => ({ value: textOf(element, true), secret: isSecret(element) }),
  value: (element) => {
    const value = own(element, 'value');
    const why = value === undefined ? `no field: ${summary(element)}` : null;
    return { value: why ? null : String(value), why, secret: isSecret(element) };
  },
  attribute: (element, name) => ({ value: attributeOf(element, name), secret: name === 'value' && isSecret(element), why: call(element, 'hasAttribute', name) ? null : `without an attribute ${name}` }),
  enabled: (element) => {
    const why = isDisabled(element);
    return { value: !why, why };
  },
  checked: (element) => (canBeSet(element) ? { value: isSet(element) } : { value: null, why: `nothing that can be checked: ${summary(element)}` }),
};

// Observes one thing of what a query finds. Returns at once, or, given what was seen before, as soon as it is another.
async function observe(query, what, name, before, bound) {
  let now = null;
  return until(bound, () => {
    const { element, found, told } = located(query);
    if (what === 'hidden') {
      const shown = found.find((each) => !hiddenBecause(each));
      now = { ...told, value: !shown, why: shown ? `visible: ${summary(shown)}` : null };
    } else {
      now = { value: null, why: null, ...told, ...(element && OBSERVE[what]?.(element, name)) };
    }
    return before === null || JSON.stringify(now) !== before ? { seen: now, key: JSON.stringify(now) } : undefined;
  }, () => ({ seen: now, key: before }));
}

// Observes the page itself.
async function observePage(what, before, bound) {
  let now = null;
  const look = () => {
    now = what === 'title' ? collapse(own(document, 'title')) : location.href;
    return now !== before ? now : undefined;
  };
  return until(bound, look, () => now);
}

// Where a point in a frame is in the document around it, given the frame's element.
function outside(query, point) {
  const element = one(query);
  if (!element) return { why: 'no longer in the document' };
  const box = call(element, 'getBoundingClientRect');
  const style = getComputedStyle(element);
  const at = {
    x: point.x + box.left + element.clientLeft + parseFloat(style.paddingLeft),
    y: point.y + box.top + element.clientTop + parseFloat(style.paddingTop),
  };
  const why = coveredBy(element, at);
  return why ? { why: `in a frame that is ${why}` } : at;
}

// What a failure tells of the page around it.
function surroundings(query) {
  let alike = [];
  try {
    if (query) alike = near(query);
  } catch {
    // Help that is not to be had takes nothing else along.
  }
  return { url: location.href, title: own(document, 'title'), near: alike };
}

// What the origin has in its `localStorage`; null where there is none.
function stored() {
  try {
    return { origin: location.origin, items: { ...localStorage } };
  } catch {
    return null;
  }
}

return { ready, struck, observe, observePage, one, outside, surroundings, mask, unmask, boxOf, originOf, snapshot, measured, stored, contentOf: () => document.documentElement.outerHTML };
