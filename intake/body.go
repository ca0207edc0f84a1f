package intake

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

var (
	errTooLarge   = errors.New("body is above 25 MiB")
	errOverBudget = errors.New("too many bytes of bodies in memory")
)

const (
	// smallBody is the buffer that a request starts with; nearly every
	// webhook fits.
	smallBody = 64 << 10
	// keepBody is the largest buffer that returns to the pool.
	keepBody = 1 << 20
	// bodyBudget bounds the buffers of all requests together. The signature
	// can only be checked after the body was read, so anybody can make us hold
	// bodies; beyond this they are answered 503. It has room for five bodies
	// of the largest size while they grow.
	bodyBudget = 256 << 20
)

// bodies reads request bodies into pooled buffers.
type bodies struct {
	pool sync.Pool
	used atomic.Int64
}

// body is a request body in memory. release gives it back.
type body struct {
	bytes []byte
	from  *bodies
}

// read reads r to its end. It asks for one byte beyond [MaxBody] at most,
// which is the only way to learn that there is more, and grows with what
// really arrives, not with what a Content-Length promises.
func (b *bodies) read(r io.Reader) (*body, error) {
	p, _ := b.pool.Get().(*body)
	if p == nil {
		p = &body{bytes: make([]byte, 0, smallBody), from: b}
	}
	if b.used.Add(int64(cap(p.bytes))) > bodyBudget {
		p.release()
		return nil, errOverBudget
	}
	for {
		if len(p.bytes) == cap(p.bytes) {
			if err := p.grow(); err != nil {
				p.release()
				return nil, err
			}
		}
		free := p.bytes[len(p.bytes):min(cap(p.bytes), MaxBody+1)]
		n, err := r.Read(free)
		p.bytes = p.bytes[:len(p.bytes)+n]
		switch {
		case len(p.bytes) > MaxBody:
			p.release()
			return nil, errTooLarge
		case errors.Is(err, io.EOF):
			return p, nil
		case err != nil:
			p.release()
			return nil, fmt.Errorf("read body: %w", err)
		}
	}
}

func (p *body) grow() error {
	old := p.bytes
	size := min(2*cap(old), MaxBody+1)
	if p.from.used.Add(int64(size-cap(old))) > bodyBudget {
		p.from.used.Add(int64(cap(old) - size))
		return errOverBudget
	}
	p.bytes = append(make([]byte, 0, size), old...)
	return nil
}

// release gives the buffer back; p must not be used afterwards.
func (p *body) release() {
	p.from.used.Add(-int64(cap(p.bytes)))
	if cap(p.bytes) <= keepBody {
		p.bytes = p.bytes[:0]
		p.from.pool.Put(p)
	}
}
