package settings

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// size is a struct whose defaults depend on where it is used.
type size struct {
	// CPU that is reserved.
	CPU string `json:"cpu" format:"quantity"`
	// Memory that is reserved.
	Memory string `json:"memory" format:"quantity" min:"64Mi"`
}

// inner is embedded.
type inner struct {
	// Image to run, see Level.
	Image pulumi.StringInput `json:"image" required:"true" format:"image"`
	// Level is hidden by the outer struct.
	Level string `json:"level"`
	// Hidden is not for configurations.
	Hidden int `json:"-" default:"7" min:"1" max:"9"`
}

// Check is a rule between fields, Complete a default that depends on another field.
func (i item) Check(path *field.Path) field.ErrorList {
	if i.Name == "four" && i.Count != 4 {
		return field.ErrorList{field.Invalid(path.Child("count"), i.Count, "must be 4")}
	}
	return nil
}

func (i *item) Complete() {
	if i.Note == "" {
		i.Note = "for " + i.Name
	}
}

// outer has a field of each kind.
type outer struct {
	inner
	// Level of something.
	Level int `json:"level" default:"3" min:"1" max:"10"`
	// Mode of something.
	Mode string `json:"mode" default:"fast" enum:"fast,slow"`
	// On by default.
	On *bool `json:"on" default:"true"`
	// Off by default.
	Off bool `json:"off"`
	// Zero may be given.
	Zero *int `json:"zero" default:"5" min:"0" max:"9"`
	// Size in use.
	Size size `json:"size" default:"{\"cpu\":\"100m\",\"memory\":\"128Mi\"}"`
	// Extra is made where it is given.
	Extra *size `json:"extra" default:"{\"cpu\":\"1\"}"`
	// Labels of things.
	Labels pulumi.StringMapInput `json:"labels"`
	// Words in a list.
	Words []string `json:"words" default:"[\"a\"]"`
	// Items in a list.
	Items []item `json:"items"`
	// ByName of the item.
	ByName map[string]item `json:"byName"`
	// Weights by number.
	Weights map[int]int `json:"weights"`
	// Images by number.
	Images map[int]pulumi.StringInput `json:"images" format:"image"`
}

type item struct {
	// Name of the item.
	Name string `json:"name" required:"true" format:"label"`
	// Count of the item.
	Count int `json:"count" default:"2" min:"1" max:"5"`
	// Note for people.
	Note string `json:"-"`
}

func decoded(t *testing.T, text string) (*outer, string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	require.NoError(t, decoder.Decode(&document))
	into := &outer{}
	errs := Decode(field.NewPath("x"), document, into)
	if err := Err(errs); err != nil {
		return into, err.Error()
	}
	return into, ""
}

func TestDecode(t *testing.T) {
	got, problem := decoded(t, `{"image":"a:1","level":4.0,"mode":"slow","on":false,"zero":0,"size":{"cpu":"2"},"extra":{},
		"labels":{"a":"b"},"words":[],"items":[{"name":"one"}],"byName":{"k":{"name":"two","count":5}},"weights":{"7":1},"images":{"4":"a:2"}}`)
	require.Empty(t, problem)
	no, zero := false, 0
	require.Equal(t, &outer{
		inner: inner{Image: pulumi.String("a:1")}, Level: 4, Mode: "slow", On: &no, Zero: &zero,
		Size: size{CPU: "2"}, Extra: &size{}, Labels: pulumi.StringMap{"a": pulumi.String("b")}, Words: []string{},
		Items: []item{{Name: "one"}}, ByName: map[string]item{"k": {Name: "two", Count: 5}}, Weights: map[int]int{7: 1},
		Images: map[int]pulumi.StringInput{4: pulumi.String("a:2")},
	}, got)
}

func TestDecodeReportsEveryMistake(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                             "x: Invalid value: []: must be an object",
		`null`:                           "x: Invalid value: null: must be an object",
		`{"level":0}`:                    "x.level: Invalid value: 0: must be between 1 and 10",
		`{"level":11}`:                   "x.level: Invalid value: 11: must be between 1 and 10",
		`{"level":1e400}`:                "x.level: Invalid value: 1e400: must be between 1 and 10",
		`{"level":4.5}`:                  "x.level: Invalid value: 4.5: must be an integer between 1 and 10",
		`{"level":"four"}`:               `x.level: Invalid value: "four": must be an integer between 1 and 10`,
		`{"level":null}`:                 "x.level: Invalid value: null: must be an integer between 1 and 10",
		`{"mode":"Fast"}`:                `x.mode: Unsupported value: "Fast": supported values: "fast", "slow"`,
		`{"on":"yes"}`:                   `x.on: Invalid value: "yes": must be true or false`,
		`{"size":{"memory":"63Mi"}}`:     `x.size.memory: Invalid value: "63Mi": must be a quantity of at least 64Mi`,
		`{"size":{"cpu":2}}`:             `x.size.cpu: Invalid value: 2: must be a quantity in quotes, such as "500m", "2" or "1Gi"`,
		`{"size":{"cpu":""}}`:            `x.size.cpu: Invalid value: "": must be a quantity such as 500m, 2 or 1Gi`,
		`{"image":"a"}`:                  `x.image: Invalid value: "a": must name a version: a tag other than latest, or a digest`,
		`{"hidden":1}`:                   "x.hidden: Forbidden: is not a setting; known here: byName, extra, image, images, items, labels, level, mode, off, on, size, weights, words, zero",
		`{"items":[{},{"name":"A"}]}`:    `x.items[1].name: Invalid value: "A": must be a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends`,
		`{"byName":{"b":1,"a":{"n":1}}}`: "x.byName.a.n: Forbidden: is not a setting; known here: count, name\nx.byName.b: Invalid value: 1: must be an object",
		`{"weights":{"one":2}}`:          `x.weights.one: Invalid value: "one": the key must be an integer`,
		`{"images":{"4":"a","2":1}}`: "x.images.2: Invalid value: 1: must be an image with a tag other than latest, or a digest\n" +
			`x.images.4: Invalid value: "a": must name a version: a tag other than latest, or a digest`,
		`{"labels":{"a":1}}`: "x.labels.a: Invalid value: 1: must be a string",
		`{"words":[1]}`:      "x.words[0]: Invalid value: 1: must be a string",
	} {
		_, problem := decoded(t, text)
		require.Equal(t, want, problem, text)
	}
}

func TestMistakesComeInTheOrderOfTheFields(t *testing.T) {
	var list []string
	for range 11 {
		list = append(list, `{"count":9}`)
	}
	_, problem := decoded(t, `{"zero":-1,"items":[`+strings.Join(list, ",")+`],"level":0}`)
	lines := strings.Split(problem, "\n")
	require.Equal(t, "x.level: Invalid value: 0: must be between 1 and 10", lines[0])
	require.Contains(t, lines[1], "x.zero")
	require.Contains(t, lines[4], "x.items[2]")
	require.Contains(t, lines[12], "x.items[10]")
}

func TestWithDefaults(t *testing.T) {
	filled := WithDefaults[outer](nil)
	require.Equal(t, 3, filled.Level)
	require.Equal(t, 7, filled.Hidden)
	require.Equal(t, "fast", filled.Mode)
	require.True(t, *filled.On)
	require.Equal(t, 5, *filled.Zero)
	require.Equal(t, size{CPU: "100m", Memory: "128Mi"}, filled.Size)
	require.Nil(t, filled.Extra)
	require.Equal(t, []string{"a"}, filled.Words)
}

func TestWithDefaultsKeepsWhatWasGivenAndChangesNothingElse(t *testing.T) {
	no := false
	given := &outer{On: &no, Size: size{CPU: "2"}, Extra: &size{}, Words: []string{}, Items: []item{{Name: "a"}}}
	filled := WithDefaults(given)
	require.False(t, *filled.On)
	require.Equal(t, size{CPU: "2", Memory: "128Mi"}, filled.Size)
	require.Equal(t, &size{CPU: "1"}, filled.Extra)
	require.Empty(t, filled.Words)
	require.Equal(t, item{Name: "a", Count: 2, Note: "for a"}, filled.Items[0])
	require.Equal(t, &outer{On: &no, Size: size{CPU: "2"}, Extra: &size{}, Words: []string{}, Items: []item{{Name: "a"}}}, given)
}

func TestValidate(t *testing.T) {
	args := WithDefaults(&outer{Level: 11, Mode: "x", Items: []item{{Count: 6}}, Images: map[int]pulumi.StringInput{4: pulumi.String("a")}})
	args.Hidden = 10
	args.Size.Memory = "1Mi"
	require.EqualError(t, Err(Validate(nil, args)), strings.Join([]string{
		"image: Required value: an image with a tag other than latest, or a digest",
		"hidden: Invalid value: 10: must be between 1 and 9",
		"level: Invalid value: 11: must be between 1 and 10",
		`mode: Unsupported value: "x": supported values: "fast", "slow"`,
		`size.memory: Invalid value: "1Mi": must be a quantity of at least 64Mi`,
		"items[0].name: Required value: a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends",
		"items[0].count: Invalid value: 6: must be between 1 and 5",
		`images.4: Invalid value: "a": must name a version: a tag other than latest, or a digest`,
	}, "\n"))
}

func TestRulesBetweenFields(t *testing.T) {
	args := WithDefaults(&outer{inner: inner{Image: pulumi.String("a:1")}, ByName: map[string]item{"x": {Name: "four"}}})
	require.EqualError(t, Err(Validate(nil, args)), "byName.x.count: Invalid value: 2: must be 4")
}

func TestValuesOfTheDeploymentAreNotChecked(t *testing.T) {
	later := pulumi.String("later").ToStringOutput()
	args := WithDefaults(&outer{inner: inner{Image: later}, Images: map[int]pulumi.StringInput{4: later}})
	require.Empty(t, Validate(nil, args))
}

func TestSchemaAndTable(t *testing.T) {
	schema := Schema(reflect.TypeFor[outer](), NewDocs(".", "github.com/scalestack/scalestack/internal/settings"))
	text, err := json.Marshal(schema.Properties["level"])
	require.NoError(t, err)
	require.JSONEq(t, `{"description":"`+"`level`"+` of something.","type":"integer","minimum":1,"maximum":10,"default":3}`, string(text))
	require.NotContains(t, schema.Properties, "hidden")
	text, err = json.Marshal(schema.Properties["images"])
	require.NoError(t, err)
	require.JSONEq(t, `{"description":"`+"`images`"+` by number.","type":"object","propertyNames":{"pattern":"^(0|-?[1-9][0-9]*)$"},"additionalProperties":{"type":"string"}}`, string(text))
	table := Table(schema)
	require.Contains(t, table, "| `image` | `image` to run, see `level`. | an image with a tag other than latest, or a digest |  |\n")
	require.Contains(t, table, "| `items[].count` | `count` of the item. | an integer between 1 and 5 | `2` |\n")
	require.Contains(t, table, "| `byName.<name>.name` |")
}
