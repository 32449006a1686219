// Keeps the page for a visit without a network. The build writes before it what belongs to this
// version: folders are named after what is in them, so what is kept never changes.
declare const kept: { app: string; engine: string; files: string[] };

// What TypeScript knows in workers only, and never together with a page's names
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Event {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Keeper {
  registration: ServiceWorkerRegistration;
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", act: (event: Lasting) => void): void;
  addEventListener(type: "fetch", act: (event: Asked) => void): void;
}
const keeper = self as unknown as Keeper;

const NAME = "explorer";

keeper.addEventListener("install", (event) => {
  const page = [".", "icon.svg", ...kept.files.map((file) => `${kept.app}/${file}`)];
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(page))
      .then(() => keeper.skipWaiting()),
  );
});

async function clear(): Promise<void> {
  const cache = await caches.open(NAME);
  const scope = new URL(keeper.registration.scope).pathname;
  for (const request of await cache.keys()) {
    const path = new URL(request.url).pathname.slice(scope.length);
    const isOld = path.includes("/") && ![kept.app, kept.engine].includes(path.split("/")[0]!);
    if (isOld) await cache.delete(request);
  }
  await keeper.clients.claim();
}

keeper.addEventListener("activate", (event) => event.waitUntil(clear()));

async function find(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  const path = new URL(request.url).pathname;
  const isLasting = /\/(app|engine)-[0-9a-f]{12}\//.test(path);
  const known = await cache.match(request);
  if (isLasting && known) return known;
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    if (known) return known;
    throw error;
  }
}

keeper.addEventListener("fetch", (event) => {
  const { request } = event;
  const isOurs = request.url.startsWith(keeper.registration.scope);
  if (request.method === "GET" && isOurs) event.respondWith(find(request));
});
