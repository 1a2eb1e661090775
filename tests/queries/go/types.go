package sample

// Server serves.
type Server[K comparable, V any] struct {
	// Name is its name.
	Name string `json:"name"`
	X, Y int
	mu   sync.Mutex // guards it
	Base
	*io.Reader
}

type handler struct{}

// Store stores.
type Store interface {
	fmt.Stringer
	// Get gets one.
	Get(key string, fallback ...any) (value any, ok bool)
	Len() int
}

// Number is any number.
type Number interface {
	~int | ~float64
}

// Grouped types.
type (
	// Func is a function.
	Func func(int) error
	Alias = string
	inner struct{ A int }
)

// Limits of it.
const (
	A, B = iota, 1
	// C is the third.
	C = "c"
)

// Single is one.
const Single int = 3

var x, Y = 1, 2

var (
	// ErrNone says that there is none.
	ErrNone  = errors.New("none")
	password = "hunter22"
)
