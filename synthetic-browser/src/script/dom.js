// Elements and texts, through open shadow roots.

const UNREAD = new Set(['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE', 'HEAD']);

// What a node itself has: a form's field hides what the form has by its name, as what has a name does in a document.
function own(node, name) {
  return Reflect.get(Object.getPrototypeOf(node), name, node);
}

function call(node, name, ...given) {
  return own(node, name).apply(node, given);
}

function attributeOf(element, name) {
  return call(element, 'getAttribute', name);
}

function parentOf(node) {
  const root = () => call(node, 'getRootNode');
  return own(node, 'assignedSlot') ?? own(node, 'parentElement') ?? own(root(), 'host') ?? null;
}

function childrenOf(node) {
  if (own(node, 'shadowRoot')) return own(node, 'shadowRoot').childNodes;
  const assigned = own(node, 'tagName') === 'SLOT' ? node.assignedNodes() : [];
  return assigned.length > 0 ? assigned : own(node, 'childNodes');
}

function contains(outer, inner) {
  for (let node = inner; node; node = parentOf(node)) if (node === outer) return true;
  return false;
}

// What is to be searched for a scope: itself, and every open shadow root beneath.
function rootsOf(scope) {
  const roots = own(scope, 'shadowRoot') ? [scope, own(scope, 'shadowRoot')] : [scope];
  for (let at = 0; at < roots.length; at += 1) {
    for (const element of call(roots[at], 'querySelectorAll', '*')) if (own(element, 'shadowRoot')) roots.push(own(element, 'shadowRoot'));
  }
  return roots;
}

// All that a CSS selector matches beneath a scope, in the order of the document, a shadow root before its host's children.
function select(scope, css) {
  try {
    return selected(scope, css);
  } catch (error) {
    throw error.name === 'SyntaxError' ? new Error(`${JSON.stringify(css)} is no CSS selector`) : error;
  }
}

function selected(scope, css) {
  const roots = rootsOf(scope);
  if (roots.length === 1) return [...call(scope, 'querySelectorAll', css)];
  const matched = new Set(roots.flatMap((root) => [...call(root, 'querySelectorAll', css)]));
  const ordered = [];
  const walk = (node) => {
    for (const child of elementsIn(own(node, 'shadowRoot'))) visit(child);
    for (const child of elementsIn(node)) visit(child);
  };
  const visit = (element) => {
    if (matched.has(element)) ordered.push(element);
    walk(element);
  };
  walk(scope);
  return ordered;
}

function collapse(text) {
  return text.replace(/[\s\u00a0\u200b]+/g, ' ').trim();
}

function isInline(element) {
  return /^(inline|contents)/.test(getComputedStyle(element).display) && own(element, 'tagName') !== 'BR';
}

// The text of an element as it is written in the document: blocks apart by a space, scripts and styles left out, and with
// `shown` what is not displayed too.
function textOf(element, shown = false) {
  const write = (node) => {
    if (own(node, 'nodeType') === 3) return node.data;
    if (own(node, 'nodeType') !== 1 || UNREAD.has(own(node, 'tagName'))) return '';
    if (shown && node !== element && !isRendered(node)) return '';
    if (own(node, 'tagName') === 'INPUT') return /^(button|submit|reset)$/.test(node.type) ? node.value : '';
    const inside = Array.from(childrenOf(node), write).join('');
    return node === element || isInline(node) ? inside : ` ${inside} `;
  };
  return collapse(write(element));
}

function isRendered(element) {
  const style = getComputedStyle(element);
  return style.display === 'contents' || (style.display !== 'none' && style.visibility === 'visible');
}

// Why an element is not visible, as the end of "it is …", or null when it is.
function hiddenBecause(element) {
  if (/^OPT(ION|GROUP)$/.test(own(element, 'tagName')) && call(element, 'closest', 'select')) return hiddenBecause(call(element, 'closest', 'select'));
  const style = getComputedStyle(element);
  if (style.display === 'contents') {
    for (const child of childrenOf(element)) {
      if (own(child, 'nodeType') === 3 ? child.data.trim() : own(child, 'nodeType') === 1 && !hiddenBecause(child)) return null;
    }
  }
  const box = call(element, 'getBoundingClientRect');
  const displayed = !own(element, 'checkVisibility') || call(element, 'checkVisibility');
  if (displayed && style.visibility === 'visible' && box.width > 0 && box.height > 0) return null;
  if (!displayed) {
    for (let up = element; up; up = parentOf(up)) {
      const of = up === element ? '' : ` of ${summary(up)}`;
      if (getComputedStyle(up).display === 'none') return `hidden by display: none${of}`;
      if (getComputedStyle(up).contentVisibility === 'hidden' && up !== element) return `hidden by content-visibility: hidden${of}`;
      if (own(up, 'tagName') === 'DETAILS' && !up.open && up !== element) return `hidden in a closed ${summary(up)}`;
    }
    return 'not displayed';
  }
  if (style.visibility !== 'visible') {
    let up = element;
    while (parentOf(up) && getComputedStyle(parentOf(up)).visibility === style.visibility) up = parentOf(up);
    return `hidden by visibility: ${style.visibility}${up === element ? '' : ` of ${summary(up)}`}`;
  }
  return `without a size (${Math.round(box.width)}×${Math.round(box.height)} px)`;
}

const TELLING = ['id', 'class', 'name', 'type', 'role', 'href', 'for', 'aria-label', 'alt', 'placeholder', 'data-testid'];

// By characters: half of one could not be told.
function shorten(text, most) {
  return text.length > most ? `${[...text].slice(0, most - 1).join('')}…` : text;
}

function elementsIn(node) {
  return node ? [...(own(node, 'children') ?? [])] : [];
}

// An element in a line: `<button id="save" disabled>Save</button>`. What was put into a field is never in it.
function summary(element) {
  const tag = own(element, 'localName');
  const told = TELLING.filter((name) => attributeOf(element, name)).map((name) => {
    let value = attributeOf(element, name);
    if (name === 'href') value = value.replace(/[?#].*/s, '');
    return ` ${name}="${shorten(collapse(value), 60)}"`;
  });
  if (tag === 'input' && /^(button|submit|reset)$/.test(element.type) && element.value) told.push(` value="${shorten(element.value, 60)}"`);
  if (element.disabled === true) told.push(' disabled');
  const start = `<${tag}${told.join('')}>`;
  if (/^(input|img|br|hr|iframe|html|body|head|select|textarea)$/.test(tag)) return start;
  const text = shorten(textOf(element), 50);
  return text ? `${start}${text}</${tag}>` : start;
}
