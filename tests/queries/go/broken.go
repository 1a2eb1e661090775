package sample

// Before is kept.
func Before(a int) int { return a }

type Half struct {
	// Name is kept.
	Name string
	Size

// After comes later.
func After(b int {
	return b
}

func Last() {}
