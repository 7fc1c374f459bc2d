// Runs before the first paint, so that a chosen theme never flashes. Not a module: modules wait for the document.
(() => {
  let chosen = '';
  try { chosen = localStorage.getItem('vitalscope-theme') || ''; } catch { /* storage is off: follow the system */ }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
