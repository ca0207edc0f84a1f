package fallback

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBudgetsTimes(t *testing.T) {
	for name, c := range map[string]struct {
		b      Budgets
		factor float64
		want   Budgets
	}{
		"the defaults":  {Budgets{}, 1, Budgets{3, 6, 10, 0.1, 100}},
		"no factor":     {Budgets{}, 0, Budgets{3, 6, 10, 0.1, 100}},
		"more":          {Budgets{}, 2.5, Budgets{3, 15, 25, 0.25, 250}},
		"at least one":  {Budgets{}, 0.001, Budgets{3, 1, 1, 0.0001, 1}},
		"no overflow":   {Budgets{}, 1e300, Budgets{3, math.MaxInt32, math.MaxInt32, 0.1 * 1e300, math.MaxInt32}},
		"lifted stays":  {Budgets{PerIncident: -1, PerWorkflow: -1, PerRepository: -1, Floor: -1}, 2, Budgets{-1, -1, -1, 0.2, -1}},
		"own ones, too": {Budgets{PerWorkflow: 2}, 3, Budgets{3, 6, 30, 0.30000000000000004, 300}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.b.Times(c.factor)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
