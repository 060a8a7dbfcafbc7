// Browsers start no worker of a page that is a file: there the site's search runs in a frame instead.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = `<script src="${url}"></script>`;
      this.loaded = new Promise((resolve) => this.frame.addEventListener("load", resolve));
      document.body.append(this.frame);
      this.frame.contentWindow.postMessage = (data) => this.onmessage?.(this.copy(data));
    }
    copy(data) {
      return { data: structuredClone(data) }; // each side changes what it receives
    }
    postMessage(data) {
      const message = this.copy(data);
      this.loaded.then(() => this.frame.contentWindow.onmessage(message));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
