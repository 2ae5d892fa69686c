// The document as HTML for a person to look at, with its open shadow roots as declarative ones: fields have what is in them, but
// for passwords, secrets and what is hidden; scripts have nothing, and none runs.
function snapshot(values, most) {
  // It has no view: what is copied there loads nothing, and no element of the page's own making comes to life.
  const apart = document.implementation.createHTMLDocument('');
  const copy = apart.importNode(document.documentElement, true);
  const trees = [[document.documentElement, copy]];
  for (const [tree, copied] of trees) {
    const copies = elementsOf(copied);
    // What else is beneath it is a tree of its own, and is put in when these are done.
    for (const [at, element] of elementsOf(tree).entries()) {
      const its = copies[at];
      const concealed = secrets.has(element) || /^(password|hidden)$/.test(element.type);
      keepState(element, its, concealed);
      if (own(element, 'localName') === 'template') trees.push([element.content, its.content]);
      if (own(element, 'shadowRoot') && !concealed) trees.push([own(element, 'shadowRoot'), shadowOf(own(element, 'shadowRoot'), its)]);
    }
    for (const its of copies) for (const attribute of own(its, 'attributes')) if (tells(attribute.value, values)) attribute.value = '';
    const texts = apart.createTreeWalker(copied, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_COMMENT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) if (tells(node.data, values)) node.data = '';
  }
  const policy = apart.createElement('meta');
  policy.setAttribute('http-equiv', 'Content-Security-Policy');
  policy.setAttribute('content', "script-src 'none'");
  copy.querySelector('head')?.prepend(policy);
  const html = `<!doctype html>\n${copy.outerHTML}`;
  return html.length > most ? `${html.slice(0, most)}\n<!-- ${html.length - most} more characters are left out -->` : html;
}

function elementsOf(tree) {
  return [...(tree.attributes ? [tree] : []), ...tree.querySelectorAll('*')];
}

function tells(text, values) {
  return values.some((value) => text.includes(value));
}

// Writes what an element has now into its copy, where HTML has a place for it.
function keepState(element, its, concealed) {
  if (own(element, 'localName') === 'input') {
    if (concealed) its.removeAttribute('value');
    else if (/^(checkbox|radio)$/.test(element.type)) its.toggleAttribute('checked', element.checked);
    else if (element.type !== 'file') its.setAttribute('value', element.value);
  } else if (own(element, 'localName') === 'textarea') its.textContent = concealed ? '' : element.value;
  else if (own(element, 'localName') === 'option') its.toggleAttribute('selected', element.selected);
  else if (concealed || /^(script|noscript)$/.test(own(element, 'localName'))) its.replaceChildren();
  // Neither is what was seen: a frame's document may be another one by now, and a file that is looked at goes nowhere.
  call(its, 'removeAttribute', 'srcdoc');
  if (own(element, 'localName') === 'meta' && element.httpEquiv?.toLowerCase() === 'refresh') its.removeAttribute('http-equiv');
}

// Puts a declarative shadow root into a copy, and returns what is in it.
function shadowOf(root, its) {
  const template = its.ownerDocument.createElement('template');
  template.setAttribute('shadowrootmode', 'open');
  for (const child of root.childNodes) template.content.append(its.ownerDocument.importNode(child, true));
  its.prepend(template);
  return template.content;
}
