/** Where somebody looks on a plane, and how near: moved with mouse, fingers and keys. */
export interface View {
  readonly x: number;
  readonly y: number;
  /** Pixels per unit. */
  readonly scale: number;
}

const LEAST = 0.05;
const MOST = 8;
/** Pixels that an arrow key moves, and the factor of plus and minus. */
const STRIDE = 60;
const ZOOM = 1.3;

export class Camera {
  view: View = { x: 0, y: 0, scale: 1 };
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** Moves by pixels of the screen. */
  move(dx: number, dy: number): void {
    const { x, y, scale } = this.view;
    this.view = { x: x - dx / scale, y: y - dy / scale, scale };
    this.#changed();
  }

  /** @param at pixels from the middle of the screen that stay where they are */
  zoom(factor: number, at: { readonly x: number; readonly y: number } = { x: 0, y: 0 }): void {
    const { x, y, scale } = this.view;
    const next = Math.min(MOST, Math.max(LEAST, scale * factor));
    this.view = { x: x + at.x / scale - at.x / next, y: y + at.y / scale - at.y / next, scale: next };
    this.#changed();
  }

  /** Shows all of a box. */
  fit(
    box: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number },
    width: number,
    height: number,
  ): void {
    const scale = Math.min(
      2.4,
      0.88 * Math.min(width / (box.right - box.left || 1), height / (box.bottom - box.top || 1)),
    );
    this.view = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, scale: Math.max(LEAST, scale) };
    this.#changed();
  }

  /** Whether the key was one of its own. */
  key(key: string): boolean {
    if (key === 'ArrowLeft') this.move(STRIDE, 0);
    else if (key === 'ArrowRight') this.move(-STRIDE, 0);
    else if (key === 'ArrowUp') this.move(0, STRIDE);
    else if (key === 'ArrowDown') this.move(0, -STRIDE);
    else if (key === '+' || key === '=') this.zoom(ZOOM);
    else if (key === '-') this.zoom(1 / ZOOM);
    else return false;
    return true;
  }
}
