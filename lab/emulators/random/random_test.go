package random_test

import (
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/scalestack/scalestack/lab/emulators/plugintest"
	"github.com/scalestack/scalestack/lab/emulators/random"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

type props = plugintest.Props

func typeOf(t *testing.T, name string) plugintest.Type {
	t.Helper()
	token := "random:index/random" + name + ":Random" + name
	return plugintest.New(t, random.Provider(), token)
}

func secret(t *testing.T, state resource.PropertyMap, name string) string {
	t.Helper()
	require.True(t, state[resource.PropertyKey(name)].IsSecret(), "%s must be secret", name)
	return state[resource.PropertyKey(name)].SecretValue().Element.StringValue()
}

func TestPassword(t *testing.T) {
	x := typeOf(t, "Password")
	in := props{"length": 32, "special": false, "minNumeric": 4}

	id, state := x.Create(in)

	require.Equal(t, "none", id)
	result := secret(t, state, "result")
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9]{32}$`), result)
	require.GreaterOrEqual(t, len(regexp.MustCompile(`[0-9]`).FindAllString(result, -1)), 4)
	require.NoError(t, bcrypt.CompareHashAndPassword([]byte(secret(t, state, "bcryptHash")), []byte(result)))
	require.True(t, state["numeric"].BoolValue())
	require.True(t, state["number"].BoolValue())
	require.Zero(t, state["minUpper"].NumberValue())

	_, second := x.Create(in)
	require.NotEqual(t, result, secret(t, second, "result"))

	preview := x.Preview(in)
	require.True(t, preview["result"].SecretValue().Element.IsComputed())
}

func TestEveryChangeOfAPasswordReplacesIt(t *testing.T) {
	x := typeOf(t, "Password")
	_, state := x.Create(props{"length": 32, "keepers": props{"generation": "1"}})

	for name, c := range map[string]struct {
		in   props
		want []string
	}{
		"nothing":        {props{"length": 32, "keepers": props{"generation": "1"}}, []string{}},
		"said defaults":  {props{"length": 32, "keepers": props{"generation": "1"}, "special": true, "minLower": 0}, []string{}},
		"length":         {props{"length": 33, "keepers": props{"generation": "1"}}, []string{"length update-replace"}},
		"keepers":        {props{"length": 32, "keepers": props{"generation": "2"}}, []string{"keepers update-replace"}},
		"no keepers":     {props{"length": 32}, []string{"keepers delete-replace"}},
		"special":        {props{"length": 32, "keepers": props{"generation": "1"}, "special": false}, []string{"special update-replace"}},
		"other specials": {props{"length": 32, "keepers": props{"generation": "1"}, "overrideSpecial": "_"}, []string{"overrideSpecial add-replace"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, x.Diff(state, c.in)) })
	}
	_, err := x.Update("none", state, props{"length": 33})
	require.ErrorContains(t, err, "cannot be updated in place")
}

func TestCheckOfTexts(t *testing.T) {
	for _, name := range []string{"Password", "String"} {
		x := typeOf(t, name)
		for _, c := range []struct {
			in   props
			want string
		}{
			{props{}, "length: is required"},
			{props{"length": 0}, "length: 0 is not between 1 and 1048576"},
			{props{"length": "32"}, "length: is not an integer"},
			{props{"length": 1.5}, "length: is not an integer"},
			{props{"length": 3, "minLower": 2, "minUpper": 2}, "length: 3 is not at least 4, the sum of"},
			{props{"length": 8, "lower": false, "upper": false, "numeric": false, "special": false}, "lower: at least one of"},
			{props{"length": 8, "speciall": true}, "speciall: is not a known input; known are keepers, length,"},
			{props{"length": 8, "result": "x"}, "result: is not a known input"},
			{props{"length": 8, "keepers": props{"a": 1}}, "keepers.a: is not a string"},
		} {
			found := x.Check(c.in)
			require.Len(t, found, 1, "%v", c.in)
			require.Contains(t, found[0], c.want)
		}
		require.ErrorContains(t, x.CreateError(props{"length": 8, "number": true, "numeric": false}), "they are one setting")
		unknown := resource.PropertyMap{"length": resource.MakeComputed(resource.NewProperty(0.0))}
		require.Empty(t, x.CheckMap(unknown))
	}
}

func TestString(t *testing.T) {
	x := typeOf(t, "String")
	id, state := x.Create(props{"length": 12, "lower": false, "upper": false, "numeric": false, "overrideSpecial": "+-"})
	require.Equal(t, id, state["result"].StringValue())
	require.Regexp(t, regexp.MustCompile(`^[+-]{12}$`), id)

	require.ErrorContains(t, x.CreateError(props{"length": 4, "minLower": 1, "lower": false, "upper": false,
		"numeric": false, "special": false}), "3 characters more")
}

func TestID(t *testing.T) {
	x := typeOf(t, "Id")
	id, state := x.Create(props{"byteLength": 8, "prefix": "p-"})
	raw, err := base64.RawURLEncoding.DecodeString(id)
	require.NoError(t, err)
	require.Len(t, raw, 8)
	require.Equal(t, "p-"+hex.EncodeToString(raw), state["hex"].StringValue())
	require.Equal(t, "p-"+id, state["b64Url"].StringValue())
	require.Equal(t, "p-"+base64.StdEncoding.EncodeToString(raw), state["b64Std"].StringValue())
	require.Equal(t, "p-"+new(big.Int).SetBytes(raw).String(), state["dec"].StringValue())
	require.Equal(t, []string{"byteLength update-replace"}, x.Diff(state, props{"byteLength": 9, "prefix": "p-"}))

	read, err := x.Read("p-,"+id, nil, nil)
	require.NoError(t, err)
	require.Equal(t, resource.ID(id), read.ID)
	require.Equal(t, state, read.Outputs)
}

func TestBytes(t *testing.T) {
	x := typeOf(t, "Bytes")
	id, state := x.Create(props{"length": 16})
	raw, err := base64.StdEncoding.DecodeString(secret(t, state, "base64"))
	require.NoError(t, err)
	require.Len(t, raw, 16)
	require.Equal(t, secret(t, state, "base64"), id)
	require.Equal(t, hex.EncodeToString(raw), secret(t, state, "hex"))
	require.Equal(t, []string{"length update-replace"}, x.Diff(state, props{"length": 17}))
	require.Equal(t, []string{"length: 0 is not between 1 and 1048576"}, x.Check(props{"length": 0}))

	read, err := x.Read(base64.StdEncoding.EncodeToString(raw), nil, nil)
	require.NoError(t, err)
	require.Equal(t, state, read.Outputs)
}

func TestUUID(t *testing.T) {
	x := typeOf(t, "Uuid")
	id, state := x.Create(props{})
	require.Equal(t, id, uuid.MustParse(id).String())
	require.Equal(t, id, state["result"].StringValue())
	require.Equal(t, []string{"keepers add-replace"}, x.Diff(state, props{"keepers": props{"a": "b"}}))

	_, err := x.Read("no uuid", nil, nil)
	require.ErrorContains(t, err, `"no uuid"`)
}

func TestInteger(t *testing.T) {
	x := typeOf(t, "Integer")
	for range 20 {
		_, state := x.Create(props{"min": -2, "max": 2})
		require.GreaterOrEqual(t, state["result"].NumberValue(), -2.0)
		require.LessOrEqual(t, state["result"].NumberValue(), 2.0)
	}
	id, _ := x.Create(props{"min": 1, "max": 1000000, "seed": "s"})
	again, state := x.Create(props{"min": 1, "max": 1000000, "seed": "s"})
	require.Equal(t, id, again)
	require.Equal(t, []string{"max update-replace", "seed delete-replace"}, x.Diff(state, props{"min": 1, "max": 3}))
	require.EqualError(t, x.CreateError(props{"min": 3, "max": 2}), "min: 3 is not at most max, 2")

	read, err := x.Read(id+",1,1000000,s", nil, nil)
	require.NoError(t, err)
	require.Equal(t, state, read.Outputs)
	_, err = x.Read("7", nil, nil)
	require.ErrorContains(t, err, "result,min,max")
}

func TestShuffle(t *testing.T) {
	x := typeOf(t, "Shuffle")
	inputs := []any{"a", "b", "c"}
	_, state := x.Create(props{"inputs": inputs})
	require.ElementsMatch(t, inputs, resource.NewProperty(state["results"].ArrayValue()).Mappable())

	_, state = x.Create(props{"inputs": inputs, "resultCount": 7, "seed": "s"})
	require.Len(t, state["results"].ArrayValue(), 7)
	_, again := x.Create(props{"inputs": inputs, "resultCount": 7, "seed": "s"})
	require.Equal(t, state, again)
	require.Equal(t, []string{"inputs[1] update-replace"},
		x.Diff(state, props{"inputs": []any{"a", "x", "c"}, "resultCount": 7, "seed": "s"}))
}

func TestImportOfAPassword(t *testing.T) {
	x := typeOf(t, "Password")
	read, err := x.Read("hunter2", nil, nil)
	require.NoError(t, err)
	require.Equal(t, resource.ID("none"), read.ID)
	require.Equal(t, "hunter2", secret(t, read.Outputs, "result"))
	require.Equal(t, resource.PropertyMap{"length": resource.NewProperty(7.0)}, read.Inputs)
	require.Empty(t, x.Diff(read.Outputs, props{"length": 7}))

	refreshed, err := x.Read("none", read.Outputs, props{"length": 7})
	require.NoError(t, err)
	require.Equal(t, read.Outputs, refreshed.Outputs)
}

func TestUnknownType(t *testing.T) {
	pet := typeOf(t, "Pet")
	err := pet.CreateError(props{})
	require.ErrorContains(t, err, "emulator of the random provider has no random:index/randomPet:RandomPet; it has")
	require.True(t, strings.Contains(err.Error(), "random:index/randomUuid:RandomUuid"))
}
