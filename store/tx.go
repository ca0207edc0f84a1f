package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Tx is a write transaction. What it wrote is on disk once [Store.Update]
// has returned nil, and never happened otherwise.
type Tx struct {
	bun.Tx
	committed []func()
}

// OnCommit registers f to run after the transaction is on disk, in the order
// of registration. A queue wakes its workers there: earlier they would look
// for a row that is not visible yet.
func (tx *Tx) OnCommit(f func()) { tx.committed = append(tx.committed, f) }

// Update runs f in a write transaction and commits it when f returns nil.
// Writers wait for each other; f must not call out (no network, no other
// Update), since nobody else can write meanwhile.
func (s *Store) Update(ctx context.Context, f func(ctx context.Context, tx *Tx) error) error {
	var tx *Tx
	err := s.write.RunInTx(ctx, nil, func(ctx context.Context, btx bun.Tx) error {
		tx = &Tx{Tx: btx}
		return f(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("update database: %w", err)
	}
	for _, done := range tx.committed {
		done()
	}
	return nil
}
