-- Texts, and values made of texts or written as such.

-- LOWER and UPPER are of Unicode whatever the collation of the database. The library of C maps one
-- character to one, as the other engines do; that of ICU is next best.
DO $install$
DECLARE
  found text;
  -- The one letter that the library of C has no capital of, which exists in Unicode alone.
  unicode boolean := getdatabaseencoding() = 'UTF8';
  small_sharp_s text := CASE WHEN unicode THEN chr(223) ELSE '' END;
  capital_sharp_s text := CASE WHEN unicode THEN chr(7838) ELSE '' END;
BEGIN
  SELECT quote_ident(collname) INTO found FROM pg_catalog.pg_collation
  WHERE collname IN ('C.utf8', 'C.UTF-8', 'pg_c_utf8', 'en_US.utf8', 'und-x-icu')
    AND collencoding IN (-1, pg_char_to_encoding(getdatabaseencoding()))
  ORDER BY array_position(
    ARRAY['C.utf8', 'C.UTF-8', 'pg_c_utf8', 'en_US.utf8', 'und-x-icu'], collname::text
  ) LIMIT 1;
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION pzvo.lower(x text) RETURNS text LANGUAGE sql IMMUTABLE'
    ' PARALLEL SAFE AS $$ SELECT pg_catalog.lower(x COLLATE pg_catalog.%s) $$',
    coalesce(found, '"default"'));
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION pzvo.upper(x text) RETURNS text LANGUAGE sql IMMUTABLE'
    ' PARALLEL SAFE AS $$ SELECT replace(pg_catalog.upper(x COLLATE pg_catalog.%s), %L, %L) $$',
    coalesce(found, '"default"'), small_sharp_s, capital_sharp_s);
  -- The words of a text in lower case, with a blank before each.
  EXECUTE format(
    'CREATE OR REPLACE FUNCTION pzvo.words(x text) RETURNS text LANGUAGE sql IMMUTABLE'
    ' PARALLEL SAFE AS $$ SELECT rtrim(regexp_replace('' '' || pg_catalog.lower(x COLLATE'
    ' pg_catalog.%1$s), ''\W+'' COLLATE pg_catalog.%1$s, '' '', ''g''), '' '') $$',
    coalesce(found, '"default"'));
END $install$;

CREATE OR REPLACE FUNCTION pzvo.has_words(haystack text, needle text) RETURNS int4
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  spaced text := pzvo.words(haystack);
  wanted text := ltrim(pzvo.words(needle), ' ');
  word text;
BEGIN
  IF wanted = '' THEN
    RETURN 0;
  END IF;
  FOREACH word IN ARRAY string_to_array(wanted, ' ') LOOP
    IF position(' ' || word IN spaced) = 0 THEN
      RETURN 0;
    END IF;
  END LOOP;
  RETURN 1;
END $$;

CREATE OR REPLACE FUNCTION pzvo.hashlist_has(hashlist text, item text) RETURNS int4
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE WHEN hashlist = '' THEN item = '' COLLATE "C"
          ELSE pzvo.lower(item) COLLATE "C" = ANY (string_to_array(pzvo.lower(hashlist), '#'))
          END)::int4
$$;

-- Hours or degrees, minutes and seconds; the unit is a letter of the first number.
CREATE OR REPLACE FUNCTION pzvo.sexagesimal(x text, unit text) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  parts text[] := regexp_match(x,
    '^[ \t\n\f\r]*([+-]?)([0-9]{1,255})[ \t\n\f\r]*[: ' || unit || '][ \t\n\f\r]*([0-9]{1,255})'
    '[ \t\n\f\r]*[:m ][ \t\n\f\r]*([0-9]{1,255}(?:\.[0-9]*)?)[ \t\n\f\r]*s?[ \t\n\f\r]*$', 'i');
  size float8 := parts[2]::float8 + parts[3]::float8 / 60 + parts[4]::float8 / 3600;
BEGIN
  RETURN CASE WHEN parts[1] = '-' THEN -size ELSE size END;
END $$;

-- The Julian date of 1970-01-01T00:00:00 is the offset.
CREATE OR REPLACE FUNCTION pzvo.days(moment timestamp, epoch float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (extract(epoch FROM moment) * 1000000)::float8 / 86400000000::float8 + epoch
$$;

CREATE OR REPLACE FUNCTION pzvo.whole_number(x text) RETURNS int8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF x !~ '^[ \t\n\f\r]*[+-]?[0-9]+[ \t\n\f\r]*$' THEN
    RAISE data_exception USING MESSAGE = '''' || x || ''' is not a whole number';
  END IF;
  RETURN x::int8;
END $$;

CREATE OR REPLACE FUNCTION pzvo.shape_of_text(x text, xtype text) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  words text[] := regexp_split_to_array(btrim(x, E' \t\n\f\r,'), '[ \t\n\f\r,]+');
  numbers int4 := cardinality(words);
  word text;
  number constant text := '^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$';
  wrong boolean := false;
BEGIN
  FOREACH word IN ARRAY words LOOP
    wrong := wrong OR word !~ number;
  END LOOP;
  wrong := wrong OR CASE xtype WHEN 'point' THEN numbers <> 2 WHEN 'circle' THEN numbers <> 3
                    ELSE numbers < 6 OR numbers % 2 = 1 END;
  IF wrong THEN
    RAISE data_exception USING MESSAGE = '''' || x || ''' is not a ' || xtype;
  END IF;
  RETURN words::float8[];
END $$;

CREATE OR REPLACE FUNCTION pzvo.timestamp_of_text(x text) RETURNS timestamp
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF x !~ ('^ *[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]*)?)?)?'
           '[Zz]? *$') THEN
    RAISE invalid_datetime_format
      USING MESSAGE = '''' || x || ''' is not a timestamp such as 2026-01-31T23:59:59';
  END IF;
  RETURN translate(regexp_replace(x, '(\.[0-9]{6})[0-9]+', '\1'), 'Zz', '')::timestamp;
END $$;

-- The shortest digits of a number, with an exponent below 1e-4 and from 1e16 on. PostgreSQL takes
-- the exponent earlier, and leaves '.0' out.
CREATE OR REPLACE FUNCTION pzvo.text_of_digits(x text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  parts text[] := regexp_match(x, '^(-?)([0-9])\.?([0-9]*)e([+-][0-9]+)$');
  power int4 := parts[4]::int4;
  digits text := parts[2] || parts[3];
BEGIN
  IF parts IS NULL THEN
    -- Zero has no sign in text: which one it has depends on the engine.
    RETURN CASE x WHEN '-0' THEN '0.0' WHEN 'Infinity' THEN 'inf' WHEN '-Infinity' THEN '-inf' WHEN 'NaN' THEN 'nan'
           ELSE CASE WHEN position('.' IN x) > 0 THEN x ELSE x || '.0' END END;
  ELSIF power NOT BETWEEN -4 AND 15 THEN
    RETURN x;
  ELSIF power < 0 THEN
    RETURN parts[1] || '0.' || repeat('0', -power - 1) || digits;
  END IF;
  digits := rpad(digits, greatest(power + 2, length(digits)), '0');
  RETURN parts[1] || left(digits, power + 1) || '.' || substr(digits, power + 2);
END $$;

-- PostgreSQL does not use that a number half way between two is read as the even one, and so writes
-- one digit more of a large number in a thousand.
CREATE OR REPLACE FUNCTION pzvo.text_of_double(x float8) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  shorter text;
BEGIN
  IF abs(x) BETWEEN 9007199254740992 AND 1e307 AND length(x::text) > 16 THEN
    shorter := split_part(x::text, 'e', 1);
    shorter := rtrim(round(shorter::numeric, scale(shorter::numeric) - 1)::text, '0') || 'e'
      || split_part(x::text, 'e', 2);
    IF shorter::float8 = x THEN
      RETURN pzvo.text_of_digits(shorter);
    END IF;
  END IF;
  RETURN pzvo.text_of_digits(x::text);
END $$;

CREATE OR REPLACE FUNCTION pzvo.text_of_real(x float4) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT pzvo.text_of_digits(x::text) $$;
