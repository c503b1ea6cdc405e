package factory

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kind is how the value of a key is read: what a YAML or JSON decoder makes of it, or
// typed Go values, into what the field of Config holds.
type kind struct {
	takes string
	// secret says that the value may hold secrets, so that no message shows it.
	secret bool
	many   bool // its value is a list, so that messages give an index
	// read gives the field's value, and calls fail for each fault.
	read func(v reflect.Value, fail failFunc) any
}

// failFunc reports what was found instead of a valid value, and where within the value:
// "[1]", or empty.
type failFunc func(at string, got reflect.Value)

var (
	textKind     = kind{takes: "a string", read: readText}
	wordKind     = kind{takes: "a string or a number", read: readScalar(false)}
	sizeKind     = kind{takes: "a size such as 256m, or a number of bytes", read: readScalar(false)}
	decimalKind  = kind{takes: "a number", read: readScalar(true)}
	countKind    = kind{takes: "a whole number", read: readCount}
	boolKind     = kind{takes: "true or false", read: readBool}
	switchKind   = kind{takes: "on or off", read: readSwitch}
	durationKind = kind{takes: `a duration with its unit, such as "10s" or "2m"`, read: readDuration}
	listKind     = kind{takes: "a list of strings", many: true, read: readList}
	argsKind     = kind{takes: "a list of strings", secret: true, read: readArgs}
	envKind      = kind{takes: "a list of NAME=value or NAME, or a map of them", secret: true, read: readEnv}
	warmKind     = kind{takes: "a number or a map", read: readWarm}
	labelsKind   = kind{takes: "a map of strings, or a list of name=value", read: readLabels}
)

// plain looks through pointers and interfaces; an invalid Value is null.
func plain(v reflect.Value) reflect.Value {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		v = v.Elem()
	}
	return v
}

func readText(v reflect.Value, fail failFunc) any {
	if v.Kind() == reflect.String {
		return v.String()
	}
	fail("", v)
	return nil
}

// scalarText is a string, or a number as docker would be given it.
func scalarText(v reflect.Value, fractions bool) (string, bool) {
	switch {
	case v.Kind() == reflect.String:
		return v.String(), true
	case v.IsValid() && v.Type() == reflect.TypeFor[time.Duration]():
		return "", false
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), true
	case v.CanFloat() && (fractions || v.Float() == math.Trunc(v.Float())) && !math.IsInf(v.Float(), 0):
		return strconv.FormatFloat(v.Float(), 'f', -1, v.Type().Bits()), true
	}
	return "", false
}

func readScalar(fractions bool) func(reflect.Value, failFunc) any {
	return func(v reflect.Value, fail failFunc) any {
		s, ok := scalarText(v, fractions)
		if !ok {
			fail("", v)
			return nil
		}
		return s
	}
}

func readCount(v reflect.Value, fail failFunc) any {
	if s, ok := scalarText(v, false); ok {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
	}
	fail("", v)
	return nil
}

func readBool(v reflect.Value, fail failFunc) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String: // where a template filled the value in
		if b, err := strconv.ParseBool(v.String()); err == nil {
			return b
		}
	}
	fail("", v)
	return nil
}

// readSwitch takes booleans too: to some YAML decoders an unquoted off is one.
func readSwitch(v reflect.Value, fail failFunc) any {
	switch {
	case v.Kind() == reflect.Bool && v.Bool():
		return "on"
	case v.Kind() == reflect.Bool:
		return "off"
	}
	return readText(v, fail)
}

func readDuration(v reflect.Value, fail failFunc) any {
	switch {
	case v.IsValid() && v.Type() == reflect.TypeFor[time.Duration]():
		return time.Duration(v.Int())
	case v.Kind() == reflect.String:
		if d, err := time.ParseDuration(v.String()); err == nil {
			return d
		}
	}
	fail("", v)
	return nil
}

func readList(v reflect.Value, fail failFunc) any {
	if !isList(v) {
		s, ok := scalarText(v, true)
		if !ok {
			fail("", v)
			return nil
		}
		return []string{s} // one entry does not need a list around it
	}
	return readEntries(v, fail)
}

// readArgs takes no single string: it could be meant as several flags.
func readArgs(v reflect.Value, fail failFunc) any {
	if !isList(v) {
		fail("", v)
		return nil
	}
	return readEntries(v, fail)
}

func readEntries(v reflect.Value, fail failFunc) []string {
	out := make([]string, 0, v.Len())
	for i := range v.Len() {
		entry := plain(v.Index(i))
		s, ok := scalarText(entry, true)
		if !ok {
			fail(fmt.Sprintf("[%d]", i), entry)
			continue
		}
		out = append(out, s)
	}
	return out
}

// readEnv takes a map too; null is a name without a value there.
func readEnv(v reflect.Value, fail failFunc) any {
	if v.Kind() != reflect.Map {
		return readList(v, fail)
	}
	out := make([]string, 0, v.Len())
	readMap(v, fail, func(name string, value reflect.Value) bool {
		if !value.IsValid() {
			out = append(out, name)
			return true
		}
		s, ok := mapText(value)
		out = append(out, name+"="+s)
		return ok
	})
	slices.Sort(out) // a map has no order, and the container must not depend on chance
	return out
}

func readLabels(v reflect.Value, fail failFunc) any {
	out := map[string]string{}
	if v.Kind() == reflect.Map {
		readMap(v, fail, func(name string, value reflect.Value) bool {
			s, ok := mapText(value)
			out[name] = s
			return ok
		})
		return out
	}
	entries, _ := readList(v, fail).([]string)
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		out[name] = value
	}
	return out
}

// mapText is what a value of a map stands for; booleans are words there.
func mapText(v reflect.Value) (string, bool) {
	if v.Kind() == reflect.Bool {
		return strconv.FormatBool(v.Bool()), true
	}
	return scalarText(v, true)
}

func readMap(v reflect.Value, fail failFunc, add func(name string, value reflect.Value) bool) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) // faults have an order
	for _, k := range keys {
		name, value := plain(k), plain(v.MapIndex(k))
		if name.Kind() != reflect.String {
			fail(" (a key of it)", name)
			continue
		}
		if !add(name.String(), value) {
			fail("."+name.String(), value)
		}
	}
}

func isList(v reflect.Value) bool {
	return v.Kind() == reflect.Slice || v.Kind() == reflect.Array
}

// describe says what a value is, in the words of a configuration's writer.
func describe(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "nothing (null)"
	case v.Kind() == reflect.String:
		return strconv.Quote(shorten(v.String()))
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case v.Type() == reflect.TypeFor[time.Duration]():
		return "the duration " + time.Duration(v.Int()).String()
	case v.CanInt(), v.CanUint(), v.CanFloat():
		return fmt.Sprintf("the number %v", v.Interface())
	case isList(v):
		return "a list"
	case v.Kind() == reflect.Map:
		return "a map"
	}
	return "a " + v.Type().String()
}

// kindOnly is describe without the value.
func kindOnly(v reflect.Value) string {
	switch {
	case v.Kind() == reflect.String:
		return "a string"
	case v.Kind() == reflect.Bool:
		return "a boolean"
	case v.IsValid() && (v.CanInt() || v.CanUint() || v.CanFloat()):
		return "a number"
	}
	return describe(v)
}

func shorten(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
