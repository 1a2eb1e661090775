/**
 * A component.
 */
@Component({ selector: "x-list" })
export class List<T extends Item> extends Base<T> implements OnInit, AfterView {
  /** Its name. */
  @Input() name!: string;
  private readonly service = inject(Service);
  protected static count?: number = 0;
  declare brand: "list";
  private onKey = (event: KeyboardEvent): void => {};
  [key: string]: unknown;

  /**
   * Makes a list.
   * @param http - The client.
   */
  constructor(private readonly http: Http, public size = 1, @Inject(TOKEN) protected token?: string) {
    super();
    this.ready = true;
  }

  /** Handles the event. */
  @HostListener("window:resize", ["$event"])
  protected override async onResize<K extends keyof T>(event: K): Promise<void> {
    if (!event) throw new RangeError("no event");
  }

  get items(): T[] {
    return [];
  }

  set items(value: T[]) {}

  static create(): List<any> {
    return new List(http);
  }

  overloaded(): void;
  overloaded(x: string): void;
  overloaded(x?: string): void {}

  #secret(): void {}
}

export abstract class Shape {
  abstract readonly sides: number;
  abstract area(scale: number): number;
  protected abstract get label(): string;
  describe(): string {
    return this.label;
  }
}
