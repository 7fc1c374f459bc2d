// The demo shop's behaviour: a cart, one soft route, and the faults of the slow variant.
// The variant `slow` is bad on purpose, so that the whole chain from browser to finding can be seen:
// its image comes late (the server delays it), a banner shifts the page, a click blocks the main thread.
(() => {
  const BANNER_DELAY_MS = 900;
  const BUSY_MS = 650;
  const CART_KEY = 'northlight-cart';
  const slow = document.body.dataset.variant === 'slow';
  const byId = (id) => document.getElementById(id);

  const busy = () => {
    if (!slow) return;
    const end = performance.now() + BUSY_MS;
    while (performance.now() < end) { /* the fault: a handler that computes instead of yielding */ }
  };

  const readCart = () => {
    try {
      const lines = JSON.parse(sessionStorage.getItem(CART_KEY) || '[]');
      return Array.isArray(lines) ? lines : [];
    } catch {
      return [];
    }
  };
  const writeCart = (lines) => {
    try { sessionStorage.setItem(CART_KEY, JSON.stringify(lines)); } catch { /* storage is off: the cart is forgotten */ }
  };
  const count = () => { byId('count').textContent = String(readCart().length); };

  const add = byId('add');
  if (add) {
    add.addEventListener('click', () => {
      busy();
      const { id, name, price, image } = add.dataset;
      writeCart([...readCart(), { id, name, price, image }]);
      byId('added').textContent = `${name} is in your cart.`;
      count();
    });
  }

  const order = byId('order');
  if (order) {
    const lines = byId('lines');
    const show = () => {
      const cart = readCart();
      lines.replaceChildren(...cart.map((line) => {
        const item = document.createElement('li');
        const image = new Image(96, 72);
        image.src = `/demo/assets/${encodeURIComponent(line.image)}-small.webp`;
        image.alt = '';
        const name = document.createElement('span');
        name.textContent = line.name;
        const price = document.createElement('span');
        price.textContent = `€ ${line.price}`;
        item.append(image, name, price);
        return item;
      }));
      if (!cart.length) {
        const empty = document.createElement('li');
        empty.textContent = 'Nothing here yet.';
        lines.append(empty);
      }
      const total = cart.reduce((sum, line) => sum + Number(line.price || 0), 0);
      byId('total').textContent = `€ ${total.toFixed(2)}`;
    };
    order.addEventListener('click', () => {
      busy();
      writeCart([]);
      show();
      count();
      byId('ordered').textContent = 'Thank you. Nothing will be sent: this is a demo.';
    });
    show();
  }

  // The delivery tab has an address of its own: a soft navigation, named for the agent.
  const tabs = document.querySelectorAll('[role=tab]');
  const select = (name) => {
    for (const tab of tabs) tab.setAttribute('aria-selected', String(tab.id === `tab-${name}`));
    for (const panel of document.querySelectorAll('[data-panel]')) panel.hidden = panel.dataset.panel !== name;
    byId('panel').setAttribute('aria-labelledby', `tab-${name}`);
  };
  if (tabs.length) {
    const base = location.pathname.replace(/\/delivery$/, '');
    const route = (name) => (name === 'delivery' ? '/demo/product/:id/delivery' : '/demo/product/:id');
    const follow = () => {
      const name = location.pathname.endsWith('/delivery') ? 'delivery' : 'details';
      select(name);
      return name;
    };
    for (const tab of tabs) {
      tab.addEventListener('click', () => {
        busy();
        const name = tab.id.replace('tab-', '');
        const path = name === 'delivery' ? `${base}/delivery` : base;
        if (path === location.pathname) return;
        history.pushState(null, '', path + location.search);
        follow();
        if (window.vitalscope) window.vitalscope('setRoute', route(name));
      });
    }
    addEventListener('popstate', () => {
      const name = follow();
      if (window.vitalscope) window.vitalscope('setRoute', route(name));
    });
    follow();
  }

  if (slow) {
    setTimeout(() => {
      const banner = document.createElement('p');
      banner.className = 'banner';
      banner.textContent = 'Free delivery this week on everything above € 80.';
      document.body.prepend(banner);
    }, BANNER_DELAY_MS);
  }
  count();
})();
