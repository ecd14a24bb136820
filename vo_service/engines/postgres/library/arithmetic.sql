-- Arithmetic and mathematical functions whose undefined results are NULL.
--
-- PostgreSQL ends a query at a result beyond double precision, at the root of a negative number,
-- and also where a product or an exponential is too small; ADQL's value is NULL, or 0 where it is
-- too small. A stored infinity counts as no number. The usual case is decided by one comparison.

CREATE OR REPLACE FUNCTION pzvo.add(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(a) < 8e307 AND abs(b) < 8e307 THEN
    RETURN a + b;
  ELSIF abs(a) >= 'Infinity' OR abs(b) >= 'Infinity' THEN
    RETURN NULL;
  ELSIF least(abs(a), abs(b)) > 1 AND abs(a * 0.5 + b * 0.5) > 8.988465674311579e307 THEN
    RETURN NULL;
  END IF;
  RETURN a + b;
END $$;

CREATE OR REPLACE FUNCTION pzvo.sub(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(a) < 8e307 AND abs(b) < 8e307 THEN
    RETURN a - b;
  END IF;
  RETURN pzvo.add(a, -b);
END $$;

CREATE OR REPLACE FUNCTION pzvo.mul(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  small float8;
  large float8;
BEGIN
  IF abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN
    RETURN a * b;
  END IF;
  small := least(abs(a), abs(b));
  large := greatest(abs(a), abs(b));
  IF large >= 'Infinity' THEN
    RETURN NULL;
  ELSIF small = 0 THEN
    RETURN 0;
  ELSIF large < 1 AND small <= 5e-324 / large THEN
    RETURN 0;
  ELSIF small <= 1 OR large < 1e150 THEN
    RETURN a * b;
  ELSIF small * 0.5 > 1.7976931348623157e308 / large THEN
    RETURN NULL;
  ELSIF (small * 0.25) * (large * 0.25) > 1.1235582092889474e307 THEN
    RETURN NULL;
  END IF;
  RETURN a * b;
END $$;

CREATE OR REPLACE FUNCTION pzvo.div(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(a) BETWEEN 1e-150 AND 1e150 AND abs(b) BETWEEN 1e-150 AND 1e150 THEN
    RETURN a / b;
  ELSIF b = 0 OR abs(a) >= 'Infinity' OR abs(b) >= 'Infinity' THEN
    RETURN NULL;
  ELSIF a = 0 THEN
    RETURN 0;
  ELSIF abs(b) < 1 AND abs(a) > 1e-300 THEN
    IF abs(a) * 0.5 > abs(b) * 1.7976931348623157e308 THEN
      RETURN NULL;
    ELSIF abs(a) * 0.25 / abs(b) > 4.4942328371557893e307 THEN
      RETURN NULL;
    END IF;
  ELSIF abs(b) > 1 AND abs(a) <= pzvo.mul(5e-324, abs(b)) THEN
    RETURN 0;
  END IF;
  RETURN a / b;
END $$;

-- The finite numbers, from an argument that is named once, so that calls can be inlined.
CREATE OR REPLACE FUNCTION pzvo.finite(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT nullif(nullif(nullif(x, 'Infinity'), '-Infinity'), 'NaN')
$$;

CREATE OR REPLACE FUNCTION pzvo.mod(a int8, b int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT a % nullif(b, 0) $$;

-- The exact remainder, as fmod of C: multiples of the divisor by powers of two are taken away,
-- which loses nothing.
CREATE OR REPLACE FUNCTION pzvo.mod(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  rest float8 := abs(a);
  divisor float8 := abs(b);
  multiple float8 := abs(b);
BEGIN
  IF divisor = 0 OR rest >= 'Infinity' THEN
    RETURN NULL;
  ELSIF divisor >= 'Infinity' THEN
    RETURN a;
  END IF;
  WHILE multiple <= rest - multiple LOOP
    multiple := multiple * 2;
  END LOOP;
  WHILE rest >= divisor LOOP
    IF rest >= multiple THEN
      rest := rest - multiple;
    END IF;
    IF multiple > divisor THEN
      multiple := multiple / 2;
    END IF;
  END LOOP;
  RETURN CASE WHEN a < 0 THEN -rest ELSE rest END;
END $$;

CREATE OR REPLACE FUNCTION pzvo.ceiling(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ceil(x) $$;

CREATE OR REPLACE FUNCTION pzvo.ceiling(x int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT x $$;

CREATE OR REPLACE FUNCTION pzvo.floor(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT floor(x) $$;

CREATE OR REPLACE FUNCTION pzvo.floor(x int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT x $$;

-- Halves away from zero; the fraction is exact, so that 0.49999999999999994 is no half.
CREATE OR REPLACE FUNCTION pzvo.round(x float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(x) < 4503599627370496 THEN
    RETURN trunc(x) + trunc((x - trunc(x)) * 2);
  END IF;
  RETURN x;
END $$;

CREATE OR REPLACE FUNCTION pzvo.round(x int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT x $$;

CREATE OR REPLACE FUNCTION pzvo.round(x float8, digits int4) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  places int4 := least(greatest(digits, -400), 400);
  scale float8;
BEGIN
  IF x = 0 OR abs(x) >= 'Infinity' OR places + log(abs(x)) > 308 THEN
    RETURN x;
  ELSIF -places > 308 OR log(abs(x)) < -places - 1 THEN
    RETURN 0;
  ELSIF places < 0 THEN
    scale := power(10::float8, -places);
    RETURN coalesce(pzvo.mul(pzvo.round(x / scale), scale), x);
  END IF;
  -- Two steps where ten to that power is beyond double precision.
  IF places > 300 THEN
    RETURN pzvo.div(pzvo.round(x * power(10::float8, places - 100) * 1e100),
                    power(10::float8, places - 100)) / 1e100;
  END IF;
  scale := power(10::float8, places);
  RETURN pzvo.round(x * scale) / scale;
END $$;

CREATE OR REPLACE FUNCTION pzvo.round(x int8, digits int4) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN digits >= 0 THEN x ELSE round(x::numeric, greatest(digits, -30))::int8 END
$$;

CREATE OR REPLACE FUNCTION pzvo.truncate(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT trunc(x) $$;

CREATE OR REPLACE FUNCTION pzvo.truncate(x int8) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT x $$;

CREATE OR REPLACE FUNCTION pzvo.truncate(x float8, digits int4) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  scale float8;
BEGIN
  IF digits > 300 OR x = 0 OR abs(x) >= 'Infinity' OR digits + log(abs(x)) > 308 THEN
    RETURN x;
  ELSIF digits < -308 OR log(abs(x)) < -digits - 1 THEN
    RETURN 0;
  END IF;
  scale := power(10::float8, digits);
  RETURN trunc(x * scale) / scale;
END $$;

CREATE OR REPLACE FUNCTION pzvo.truncate(x int8, digits int4) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN digits >= 0 THEN x ELSE trunc(x::numeric, greatest(digits, -30))::int8 END
$$;

-- Bounds are set by the least and the greatest of numbers, which pass over NULL: a bound that
-- NULL and everything beyond it become is turned into NULL. The argument is named once.

CREATE OR REPLACE FUNCTION pzvo.sqrt(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sqrt(nullif(nullif(greatest(x, -5e-324::float8), -5e-324::float8), 'Infinity'))
$$;

CREATE OR REPLACE FUNCTION pzvo.log(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ln(nullif(nullif(greatest(x, 0::float8), 0), 'Infinity'))
$$;

CREATE OR REPLACE FUNCTION pzvo.log10(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT log(nullif(nullif(greatest(x, 0::float8), 0), 'Infinity'))
$$;

CREATE OR REPLACE FUNCTION pzvo.cosine_of_angle(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT nullif(nullif(least(greatest(x, -1.0000000000000002::float8), 1.0000000000000002::float8),
                       1.0000000000000002::float8), -1.0000000000000002::float8)
$$;

CREATE OR REPLACE FUNCTION pzvo.acos(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT acos(pzvo.cosine_of_angle(x)) $$;

CREATE OR REPLACE FUNCTION pzvo.asin(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT asin(pzvo.cosine_of_angle(x)) $$;

CREATE OR REPLACE FUNCTION pzvo.sin(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT sin(pzvo.finite(x)) $$;

CREATE OR REPLACE FUNCTION pzvo.cos(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT cos(pzvo.finite(x)) $$;

CREATE OR REPLACE FUNCTION pzvo.tan(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT tan(pzvo.finite(x)) $$;

CREATE OR REPLACE FUNCTION pzvo.cot(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.finite(cot(nullif(pzvo.finite(x), 0)))
$$;

CREATE OR REPLACE FUNCTION pzvo.degrees(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT degrees(nullif(nullif(least(greatest(x, -3.1375664e306::float8), 3.1375664e306::float8),
                               3.1375664e306::float8), -3.1375664e306::float8))
$$;

-- Adding and taking away 1e-300 turns what is too small for a product into 0.
CREATE OR REPLACE FUNCTION pzvo.radians(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.finite(radians((x + 1e-300::float8) - 1e-300::float8))
$$;

CREATE OR REPLACE FUNCTION pzvo.exp(x float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  IF abs(x) < 700 THEN
    RETURN exp(x);
  ELSIF x > 709.782712893384 THEN
    RETURN NULL;
  ELSIF x < -745.13 THEN
    RETURN 0;
  END IF;
  RETURN exp(x);
END $$;

-- Whether a power is beyond double precision is known from its logarithm to 4 parts in 10^10; in
-- between it is the square of a root.
CREATE OR REPLACE FUNCTION pzvo.power(a float8, b float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  magnitude float8;
BEGIN
  IF abs(a) >= 'Infinity' OR abs(b) >= 'Infinity' THEN
    RETURN NULL;
  ELSIF a = 0 THEN
    RETURN CASE WHEN b > 0 THEN 0 WHEN b = 0 THEN 1 END;
  ELSIF a < 0 AND b <> trunc(b) THEN
    RETURN NULL;
  END IF;
  magnitude := least(greatest(b, -1e300), 1e300) * ln(abs(a));
  IF magnitude > 709.79 THEN
    RETURN NULL;
  ELSIF magnitude > 709.7827128 THEN
    magnitude := power(abs(a), b / 2);
    RETURN CASE WHEN b = 1 THEN a
           WHEN a < 0 AND b / 2 <> trunc(b / 2) THEN -pzvo.mul(magnitude, magnitude)
           ELSE pzvo.mul(magnitude, magnitude) END;
  ELSIF magnitude < -745.13 THEN
    RETURN 0;
  END IF;
  RETURN power(a, b);
END $$;
