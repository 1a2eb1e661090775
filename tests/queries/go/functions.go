// Copyright the authors.

//go:build linux

// Package sample has functions of all kinds 🎉.
//
// With a second paragraph.
package sample

import "fmt"

// NewServer makes a server.
//
//go:noinline
func NewServer[K comparable, V any](a, b int, names ...string) (*Server[K, V], error) {
	return &Server[K, V]{}, nil
}

/*
Run runs it.
*/
func (s *Server[K, V]) Run(_ int, done func(error) bool) (n int, err error) {
	defer func() { recover() }()
	return
}

func (h handler) Serve() string { return "x" }

// Deprecated: use Run.
func Old(int, string) bool { return false }

func newThing() {}

func Newest() {}

func external(x int) int

func init() {}

func main() {
	type local struct{ a int }
	go func() { return }()
}

func TestRun(t *testing.T)        {}
func BenchmarkRun(b *testing.B)   {}
func ExampleServer()              {}
func Testing()                    {}

//nolint:revive
func Undocumented() {}

// Not adjoining.

func Gap() {}
