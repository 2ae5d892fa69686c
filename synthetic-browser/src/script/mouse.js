// What receives the mouse. A page may move between the look and the click: what is aimed at an element and strikes another is
// kept from the page, and told.

const AIMED = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click', 'dblclick', 'auxclick', 'contextmenu'];
let aim = null;

function receives(element, hit) {
  if (contains(element, hit)) return true;
  // A label hands a click on to its control.
  for (let up = hit; up; up = parentOf(up)) if (own(up, 'localName') === 'label' && up.control === element) return true;
  return false;
}

function strike(event) {
  // A click with the keyboard has no count.
  if (!aim || !event.isTrusted || (event.type === 'click' && event.detail === 0)) return;
  const hit = event.composedPath().find((node) => node.nodeType === Node.ELEMENT_NODE);
  aim.struck ??= !hit || receives(aim.element, hit) ? true : summary(hit);
  if (aim.struck === true) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

// Before any listener of the page, as this is the first script of its document; one that is written anew loses them.
function listen() {
  for (const kind of AIMED) window.addEventListener(kind, strike, { capture: true, passive: false });
}

function aimAt(element, point) {
  listen();
  // What goes into another document is not heard of in this one.
  const hit = elementAt(point);
  const frame = hit && /^(embed|fencedframe|frame|iframe|object)$/.test(own(hit, 'localName'));
  aim = frame ? null : { element, struck: null };
}

// What received the mouse: true for what it was aimed at, or a document in it, else the other element, or null when it was
// none of this document.
function struck() {
  const was = aim;
  aim = null;
  return was === null ? true : was.struck;
}

listen();
