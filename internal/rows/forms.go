package rows

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
)

// The functions of this file return one canonical form for all spellings of a value, or "" for a text that they cannot parse.

// sameJSON reports whether two texts are the same JSON value: jsonb of PostgreSQL stores values, not texts.
func sameJSON(a, b string) bool {
	x, okX := jsonOf(a)
	y, okY := jsonOf(b)
	return okX && okY && sameValue(x, y)
}

func jsonOf(text string) (value any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return value, d.Decode(&value) == nil && !d.More()
}

// sameValue compares decoded JSON. Numbers are equal by value: 1.0 is 1, and no digit of a long one is lost.
func sameValue(x, y any) bool {
	switch a := x.(type) {
	case json.Number:
		b, ok := y.(json.Number)
		return ok && sameNumber(a.String(), b.String())
	case []any:
		b, ok := y.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameValue(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := y.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			if other, ok := b[key]; !ok || !sameValue(value, other) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(x, y)
}

func sameNumber(x, y string) bool {
	if x == y {
		return true
	}
	a, b := decimalOf(x), decimalOf(y)
	return a != nil && b != nil && a.Cmp(b) == 0
}

// uuidOf parses a UUID in any of its spellings.
func uuidOf(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		if text, ok = strings.CutSuffix(inner, "}"); !ok {
			return ""
		}
	}
	text = strings.ReplaceAll(text, "-", "")
	if len(text) != 32 || strings.Trim(text, "0123456789abcdef") != "" {
		return ""
	}
	return text
}

// inetOf parses an address with or without the length of its network.
func inetOf(text string) string {
	text = strings.TrimSpace(text)
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.String()
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return ""
	}
	return netip.PrefixFrom(a, a.BitLen()).String()
}

// intervalOf parses an interval of PostgreSQL into months, days and microseconds. PostgreSQL stores them separately: a day is not 24 hours.
func intervalOf(text string) string {
	var months, days, micros big.Rat
	words := strings.Fields(strings.ToLower(text))
	ago := len(words) > 1 && words[len(words)-1] == "ago"
	if ago {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		return ""
	}
	for len(words) > 0 {
		if strings.Contains(words[0], ":") {
			clock := clockOf(words[0])
			if clock == nil {
				return ""
			}
			micros.Add(&micros, clock)
			words = words[1:]
			continue
		}
		n := decimalOf(words[0])
		if n == nil || len(words) < 2 {
			return ""
		}
		unit, factor := unitOf(words[1])
		switch unit {
		case 'm':
			months.Add(&months, n.Mul(n, factor))
		case 'd':
			days.Add(&days, n.Mul(n, factor))
		case 's':
			micros.Add(&micros, n.Mul(n, factor))
		default:
			return ""
		}
		words = words[2:]
	}
	if !months.IsInt() || !days.IsInt() || !micros.IsInt() { // PostgreSQL spreads fractions over the smaller units
		return ""
	}
	if ago {
		months.Neg(&months)
		days.Neg(&days)
		micros.Neg(&micros)
	}
	return months.RatString() + " " + days.RatString() + " " + micros.RatString()
}

// unitOf returns the part of an interval in which a unit is stored, and how many months, days or microseconds the unit is.
func unitOf(word string) (unit byte, factor *big.Rat) {
	switch strings.TrimSuffix(word, "s") {
	case "year", "yr":
		return 'm', big.NewRat(12, 1)
	case "mon", "month":
		return 'm', big.NewRat(1, 1)
	case "week":
		return 'd', big.NewRat(7, 1)
	case "day":
		return 'd', big.NewRat(1, 1)
	case "hour", "hr":
		return 's', big.NewRat(3600_000_000, 1)
	case "minute", "min":
		return 's', big.NewRat(60_000_000, 1)
	case "second", "sec":
		return 's', big.NewRat(1_000_000, 1)
	}
	return 0, nil
}

// clockOf parses hours, minutes and seconds into microseconds. It returns nil if it cannot.
func clockOf(text string) *big.Rat {
	sign := int64(1)
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		sign, text = -1, rest
	}
	parts := strings.Split(strings.TrimPrefix(text, "+"), ":")
	if len(parts) != 3 {
		if len(parts) != 2 || strings.Contains(text, ".") { // with a decimal point, they are minutes and seconds
			return nil
		}
		parts = append(parts, "0")
	}
	total := new(big.Rat)
	for i, factor := range []int64{3600_000_000, 60_000_000, 1_000_000} {
		if _, err := strconv.ParseFloat(parts[i], 64); err != nil || strings.HasPrefix(parts[i], "-") {
			return nil
		}
		n := decimalOf(parts[i])
		if n == nil {
			return nil
		}
		total.Add(total, n.Mul(n, big.NewRat(factor, 1)))
	}
	return total.Mul(total, big.NewRat(sign, 1))
}
