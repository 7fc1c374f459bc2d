// What the measured page does, the same for every candidate: layout shifts, slow answers to clicks, route changes. It takes what
// it needs from the browser before a candidate can wrap it, so that the page's own work never runs inside a candidate's function,
// and it uses no promise, so that every microtask is a candidate's.

(() => {
  /** Past the 40 ms from which web-vitals asks for an event, so that every candidate gets the same entries. */
  const SLOW_ANSWER_MS = 42;
  const BUSY_FRAME_MS = 20;
  const frame = requestAnimationFrame.bind(window);
  const listen = addEventListener.bind(window);
  const observe = (type, seen) => new PerformanceObserver((list) => seen(list.getEntries())).observe({ type, durationThreshold: 16 });

  const busy = (duration_ms) => {
    const end = performance.now() + duration_ms;
    while (performance.now() < end);
  };

  const work = {
    done: false,
    counts: { shifts: 0, events: 0, clicks: 0 },

    /** Only where nothing else is measured: the counting itself costs. */
    count() {
      observe('layout-shift', (entries) => { work.counts.shifts += entries.length; });
      observe('event', (entries) => { work.counts.events += entries.filter((entry) => entry.duration >= 40).length; });
    },

    /** One layout shift a frame; `done` when all have been painted. */
    shift(count) {
      work.done = false;
      const spacer = document.getElementById('spacer');
      const step = () => {
        if (count-- <= 0) return frame(() => { work.done = true; });
        spacer.style.height = count % 2 ? '120px' : '40px';
        frame(step);
      };
      frame(step);
    },

    /** From now on a press takes its time. */
    answerSlowly() {
      listen('pointerdown', () => busy(SLOW_ANSWER_MS));
      listen('click', () => { work.counts.clicks += 1; });
    },

    /** Keeps each frame busy, so that no key press is over before 16 ms: the browser reports nothing shorter. */
    keepBusy(isBusy) {
      work.isBusy = isBusy;
      const step = () => {
        busy(BUSY_FRAME_MS);
        if (work.isBusy) frame(step);
      };
      if (isBusy) frame(step);
    },

    /** A soft navigation as a router does it. */
    go(path) {
      history.pushState({}, '', path);
      if (window.vitalscope) vitalscope('setRoute', path.replace(/\d+/, ':id'));
    },
  };
  window.work = work;
})();
