// What the build and the worker say.

/** Answers as "copier copy --data" takes them: all of them are text. */
export type Answers = Record<string, string>;

export interface Release {
  reference: string;
  description: string;
  commit: string;
  file: string;
}

export interface Preset {
  name: string;
  about: string;
  answers: Record<string, unknown>;
  file: string;
}

export interface Site {
  address: string;
  engine: string;
  documentation: boolean; // is beside the page
  bytes: number;
  releases: Release[];
  presets: Preset[];
}

export interface Field {
  key: string;
  group: string;
  help: string;
  type: string;
  choices: { label: string; value: unknown; disabled: string }[];
  multiselect: boolean;
  multiline: boolean;
  placeholder: string;
  default: unknown;
  value: unknown;
  asked: boolean;
  problem: string;
  differs: boolean;
}

export interface Form {
  fields: Field[];
  message: string;
  unknown: string[];
}

export interface File {
  text?: string;
  base64?: string;
  executable?: boolean;
}

export type Tree = Record<string, File>;

export interface Service {
  name: string;
  image: string;
  built: boolean; // here, from a Dockerfile
  needs: string[];
  ports: string[];
  optional: boolean;
}

export interface Contents {
  packages: string[];
  images: string[];
  ports: string[];
  jobs: string[];
  stacks: Record<string, Service[]>;
}

export interface Project {
  tree: Tree;
  contents: Contents;
}

/** What a worker tells of its way to the first answer. */
export interface Progress {
  step: string;
  share: number; // 0 to 1
}
