// The services that Compose starts, and what each of them waits for.
import type { JSX } from "preact";
import type { Service } from "./types";

const WIDTH = 190;
const HEIGHT = 62;
const GAP = 60;
const SPACE = 18;

interface Box extends Service {
  x: number;
  y: number;
}

/** Count the steps from a service to one that waits for nothing. */
function depth(name: string, services: Map<string, Service>, seen: readonly string[] = []): number {
  const needs = services.get(name)?.needs.filter((each) => services.has(each)) ?? [];
  const further = needs.filter((each) => !seen.includes(each));
  return further.length ? 1 + Math.max(...further.map((each) => depth(each, services, [...seen, name]))) : 0;
}

function place(services: Service[]): Box[] {
  const known = new Map(services.map((service) => [service.name, service]));
  const filled: number[] = [];
  const last = Math.max(0, ...services.map(({ name }) => depth(name, known)));
  return services.map((service) => {
    const column = last - depth(service.name, known);
    const row = filled[column] ?? 0;
    filled[column] = row + 1;
    return { ...service, x: column * (WIDTH + GAP), y: row * (HEIGHT + SPACE) };
  });
}

function shorten(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function madeOf({ image, built }: Service): string {
  return built || image.includes("$") ? "built here" : image.split("/").at(-1)!;
}

/** Say in words what the picture shows. */
function words({ name, needs, ports, optional }: Service): string {
  const waits = needs.length ? `waits for ${needs.join(", ")}` : "waits for nothing";
  const opens = ports.length ? `, publishes ${ports.join(", ")}` : "";
  return `${name} ${waits}${opens}${optional ? ", starts only when asked for" : ""}`;
}

/** Draw them: what is waited for stands to the right. */
export function Diagram({ title, services }: { title: string; services: Service[] }): JSX.Element {
  const boxes = place(services);
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const width = Math.max(...boxes.map(({ x }) => x)) + WIDTH;
  const height = Math.max(...boxes.map(({ y }) => y)) + HEIGHT;
  const arrow = `arrow-${title}`;
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div class="picture" tabIndex={0} role="region" aria-label={`Picture of ${title}`}>
        <svg
          viewBox={`-4 -4 ${width + 8} ${height + 8}`}
          width={width + 8}
          height={height + 8}
          role="img"
          aria-label={services.map(words).join("; ")}
        >
          <defs>
            <marker id={arrow} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          </defs>
          {boxes.flatMap((box) =>
            box.needs.flatMap((name) => {
              const to = byName.get(name);
              if (!to) return [];
              const [x, y] = [box.x + WIDTH, box.y + HEIGHT / 2];
              const [endX, endY] = [to.x - 2, to.y + HEIGHT / 2];
              const half = GAP / 2;
              const path = `M${x} ${y}C${x + half} ${y} ${endX - half} ${endY} ${endX} ${endY}`;
              return [<path key={`${box.name}-${name}`} class="line" d={path} marker-end={`url(#${arrow})`} />];
            }),
          )}
          {boxes.map((box) => (
            <g key={box.name} class={box.optional ? "optional" : ""}>
              <title>{words(box)}</title>
              <rect x={box.x} y={box.y} width={WIDTH} height={HEIGHT} rx="8" />
              <text x={box.x + 12} y={box.y + 24} class="name">
                {shorten(box.name, 20)}
              </text>
              <text x={box.x + 12} y={box.y + 44}>
                {shorten(box.ports[0] ?? madeOf(box), 26)}
              </text>
            </g>
          ))}
        </svg>
      </div>
    </figure>
  );
}
