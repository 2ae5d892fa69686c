// What is not to be seen in a picture.

const MASK_COLOUR = '#ff00ff';
const MASKED_AT_MOST = 5000;
let masks = null;

// Elements that show one of some texts: fields by their value, others by their text.
function showing(values) {
  if (values.length === 0) return [];
  const has = (text) => text && tells(text, values);
  const holders = [];
  for (const root of rootsOf(document)) {
    if (root !== document && !root.host) continue;
    for (const field of root.querySelectorAll('input, textarea, select')) if (has(field.value) || has(field.placeholder)) holders.push(field);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = parentOf(node);
      if (parent && !UNREAD.has(own(parent, 'tagName')) && has(node.data)) holders.push(parent);
    }
  }
  return holders;
}

function toMask(values, queries) {
  const found = queries.flatMap((query) => find(query).found);
  return new Set([...secrets, ...showing(values), ...found].filter((element) => own(element, 'isConnected')).map(painted));
}

// What to hide for an element to be hidden: what has no box, such as a slot, has no opacity either, and a list shows its option.
function painted(element) {
  const another = (at) => !own(at, 'style') || getComputedStyle(at).display === 'contents' || /^(option|optgroup)$/.test(own(at, 'localName'));
  let at = element;
  while (another(at) && parentOf(at)) at = parentOf(at);
  return at;
}

// Hides elements by their own style, so that they are hidden wherever they move, and draws a box where each is.
function mask(values, queries) {
  unmask([], []);
  const items = [];
  const layer = document.createElement('div');
  layer.setAttribute('style', 'all: initial; position: absolute; left: 0; top: 0; width: 0; height: 0; pointer-events: none; z-index: 2147483647;');
  const inside = layer.attachShadow({ mode: 'closed' });
  for (const element of toMask(values, queries)) {
    const style = own(element, 'style');
    const box = call(element, 'getBoundingClientRect');
    const drawn = document.createElement('div');
    drawn.style.cssText = `position: absolute; left: ${box.left + scrollX}px; top: ${box.top + scrollY}px; width: ${box.width}px; height: ${box.height}px; background: ${MASK_COLOUR};`;
    inside.append(drawn);
    const had = call(element, 'hasAttribute', 'style');
    const old = ['opacity', 'transition'].map((name) => [name, style.getPropertyValue(name), style.getPropertyPriority(name)]);
    style.setProperty('transition', 'none', 'important');
    style.setProperty('opacity', '0', 'important');
    items.push({ element, had, old });
  }
  if (items.length > 0 && own(document, 'body')) document.documentElement.append(layer);
  // Whoever asked may be gone.
  masks = { items, layer, timer: setTimeout(() => unmask([], []), MASKED_AT_MOST) };
  return items.length;
}

// Undoes it. Says whether all that is to be masked was so until now.
function unmask(values, queries) {
  if (!masks) return false;
  const { items, layer, timer } = masks;
  masks = null;
  const hidden = new Set(items.map(({ element }) => element));
  const held = [...toMask(values, queries)].every((element) => hidden.has(element)) && items.every(({ element }) => !own(element, 'isConnected') || getComputedStyle(element).opacity === '0');
  clearTimeout(timer);
  layer.remove();
  for (const { element, had, old: [opacity, transition] } of items) {
    const style = own(element, 'style');
    const restore = ([name, value, priority]) => (value ? style.setProperty(name, value, priority) : style.removeProperty(name));
    restore(opacity);
    // Before transitions are back, lest it fades in.
    void getComputedStyle(element).opacity;
    restore(transition);
    if (!had && attributeOf(element, 'style') === '') call(element, 'removeAttribute', 'style');
  }
  return held;
}

// The box of an element, from the top left of the viewport; and how the viewport lies on the page.
function boxOf(query) {
  const element = one(query);
  if (!element) return null;
  const { x, y, width, height } = call(element, 'getBoundingClientRect');
  return { x, y, width, height, scroll_x: scrollX, scroll_y: scrollY, view_width: innerWidth, view_height: innerHeight };
}

// Where the content of a frame begins, from the top left of the viewport around it.
function originOf(query) {
  const element = one(query);
  if (!element) return null;
  const box = call(element, 'getBoundingClientRect');
  const style = getComputedStyle(element);
  return { x: box.left + element.clientLeft + parseFloat(style.paddingLeft), y: box.top + element.clientTop + parseFloat(style.paddingTop), width: 0, height: 0 };
}
