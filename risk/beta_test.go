package risk

import (
	"fmt"
	"math"
	"testing"
)

// TestBetaCDF holds the incomplete beta function to values with a closed form:
// I_x(1, b) = 1 - (1-x)^b, I_x(a, 1) = x^a, the arcsine law, and sums of the
// binomial distribution for whole parameters (DLMF 8.17.5).
func TestBetaCDF(t *testing.T) {
	for _, x := range []float64{0.001, 0.1, 0.25, 0.5, 0.7, 0.9, 0.999} {
		for _, n := range []float64{0.5, 1, 2.5, 7, 31, 400} {
			near(t, fmt.Sprintf("I_%g(1, %g)", x, n), Beta{1, n}.CDF(x), 1-math.Pow(1-x, n))
			near(t, fmt.Sprintf("I_%g(%g, 1)", x, n), Beta{n, 1}.CDF(x), math.Pow(x, n))
		}
		near(t, fmt.Sprintf("I_%g(1/2, 1/2)", x), Beta{0.5, 0.5}.CDF(x), 2/math.Pi*math.Asin(math.Sqrt(x)))
		for _, p := range [][2]int{{2, 3}, {8, 4}, {21, 11}, {3, 30}} {
			a, n := p[0], p[0]+p[1]-1
			var sum float64
			for j := a; j <= n; j++ {
				sum += choose(n, j) * math.Pow(x, float64(j)) * math.Pow(1-x, float64(n-j))
			}
			near(t, fmt.Sprintf("I_%g(%d, %d)", x, p[0], p[1]), Beta{float64(p[0]), float64(p[1])}.CDF(x), sum)
		}
	}
	for _, x := range []float64{-1, 0} {
		near(t, "below", Beta{2, 3}.CDF(x), 0)
	}
	for _, x := range []float64{1, 2} {
		near(t, "above", Beta{2, 3}.CDF(x), 1)
	}
}

func TestBetaInterval(t *testing.T) {
	for _, tt := range []struct {
		b         Beta
		low, high float64
	}{
		{Beta{1, 1}, 0.1, 0.9},
		{Beta{1, 3}, 1 - math.Cbrt(0.9), 1 - math.Cbrt(0.1)}, // 1-(1-x)^3
		{Beta{0.5, 0.5}, math.Pow(math.Sin(0.05*math.Pi), 2), math.Pow(math.Sin(0.45*math.Pi), 2)},
	} {
		low, high := tt.b.Interval(0.8)
		near(t, fmt.Sprint(tt.b, " low"), low, tt.low)
		near(t, fmt.Sprint(tt.b, " high"), high, tt.high)
	}
	b := Beta{8, 24}
	for _, p := range []float64{0.025, 0.5, 0.975} {
		near(t, "quantile and distribution", b.CDF(b.Quantile(p)), p)
	}
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-10) {
		t.Errorf("%s = %.14g, want %.14g", what, got, want)
	}
}

func choose(n, k int) float64 {
	v := 1.0
	for i := range k {
		v = v * float64(n-i) / float64(i+1)
	}
	return v
}
