package store

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBrokenConfigs(t *testing.T) {
	s, update := openForInstallations(t)
	update(func(ctx context.Context, tx *Tx) error {
		for id := int64(1); id <= 6; id++ {
			r := Repository{ID: id, InstallationID: 7, Owner: "acme", Name: fmt.Sprint("r", 9-id), Archived: id == 5, SeenAt: 1}
			if _, err := SaveRepositories(ctx, tx, []Repository{r}); err != nil {
				return err
			}
			c := RepositoryConfig{RepoID: id, InstallationID: 7, Owner: "acme", Name: "old", Source: "own", Broken: id != 4, GoodSource: "none", ChangedAt: Millis(id)}
			if err := tx.SaveRepositoryConfig(ctx, c); err != nil {
				return err
			}
		}
		return RemoveRepositories(ctx, tx, 7, []int64{6})
	})
	for limit, want := range map[int64][]string{1: {"r6"}, 2: {"r6", "r7"}, 3: {"r6", "r7", "r8"}, 4: {"r6", "r7", "r8"}} {
		list, total, err := s.BrokenConfigs(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range list {
			names = append(names, c.Name)
			if c.ChangedAt != Millis(c.RepoID) {
				t.Errorf("%s changed at %d", c.Name, c.ChangedAt)
			}
		}
		if diff := cmp.Diff(want, names); diff != "" || total != 3 {
			t.Errorf("at most %d, of %d: %s", limit, total, diff)
		}
	}
}
