// TypeScript learns here which attributes <qa-chat> has. A site that is written in JavaScript doesn't need this file.

import type { DetailedHTMLProps, HTMLAttributes } from "react";

interface QaChat extends HTMLAttributes<HTMLElement> {
  address?: string;
  name?: string;
  logo?: string;
  greeting?: string;
  examples?: string;
  collections?: string;
  bubble?: boolean | "left";
  full?: boolean;
  open?: boolean;
  keys?: boolean;
}

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "qa-chat": DetailedHTMLProps<QaChat, HTMLElement>;
    }
  }
}
