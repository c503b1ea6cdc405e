package call

import "context"

// Answer is what ask gives, or ctx's error when ctx ends first. It is for what takes no
// context, as a library that runs a program: that goes on by itself then and costs a
// goroutine until it ends, which nothing waits for.
func Answer[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := ask()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
