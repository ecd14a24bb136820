-- Distributions of redshift in array columns, chance, and histograms.
--
-- A distribution has its values at the points of a grid and is linear between them; the grid is
-- an array of as many increasing redshifts, or the first and the last of an even one. The formulas
-- are those of vo_service.engines.distributions. Values below 1e-140 count as 0: their squares are
-- too small for double precision, which would end a query; redshifts are 0 below 1e-30 in the same
-- way, and none above 1e30. Where all are very small or large, they
-- are divided by the largest.

-- The points of the grid, the values, the integrals up to each point, and what the values were
-- divided by, one after the other; NaN from a missing value or a step that is none on. NULL for a
-- grid that does not go with the values.
CREATE OR REPLACE FUNCTION pzvo.pdf(density float8[], grid float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := cardinality(density);
  even boolean := cardinality(grid) = 2;
  scale float8;
  p float8[];
  part float8 := 1 / nullif(n - 1, 0)::float8;
  first float8 := grid[1];
  last float8 := grid[cardinality(grid)];
  place float8;
  place_before float8;
  number float8;
  number_before float8;
  total float8 := 0;
BEGIN
  IF n < 2 OR cardinality(grid) NOT IN (2, n) THEN
    RETURN NULL;
  ELSIF first IS NULL OR last IS NULL OR abs(first) > 1e30 OR abs(last) > 1e30 THEN
    RETURN NULL;
  END IF;
  first := CASE WHEN abs(first) < 1e-30 THEN 0 ELSE first END;
  last := CASE WHEN abs(last) < 1e-30 THEN 0 ELSE last END;
  SELECT max(abs(d)) INTO scale FROM unnest(density) AS d
  WHERE d <> 0 AND abs(d) < 'Infinity';
  IF scale IS NULL OR scale BETWEEN 1e-100 AND 1e100 THEN
    scale := 1;
  ELSE
    density := ARRAY(SELECT pzvo.div(d, scale) FROM unnest(density) WITH ORDINALITY AS u (d, i)
                     ORDER BY i);
  END IF;
  p := array_fill(0::float8, ARRAY[3 * n + 1]);
  p[3 * n + 1] := scale;
  FOR i IN 1..n LOOP
    number := density[i];
    IF abs(number) BETWEEN 1e-140 AND 1e110 THEN
      p[n + i] := number;
    ELSE
      number := CASE WHEN number IS NULL OR abs(number) > 1 THEN 'NaN' ELSE 0::float8 END;
      p[n + i] := number;
    END IF;
    IF even THEN
      place := first * (1 - (i - 1) * part) + last * ((i - 1) * part);
    ELSE
      place := CASE WHEN grid[i] IS NULL OR abs(grid[i]) > 1e30 THEN 'NaN'
               WHEN abs(grid[i]) < 1e-30 THEN 0 ELSE grid[i] END;
    END IF;
    p[i] := place;
    IF i > 1 THEN
      -- NaN is greater than every number.
      total := total + CASE WHEN place > place_before AND place < 1e31 THEN place - place_before
        ELSE 'NaN' END * (number_before + number) / 2;
      p[2 * n + i] := total;
    END IF;
    place_before := place;
    number_before := number;
  END LOOP;
  IF even THEN
    p[n] := last;
  END IF;
  RETURN p;
END $$;

-- The integral up to a redshift.
CREATE OR REPLACE FUNCTION pzvo.pdf_up_to(p float8[], bound float8) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  n int4 := cardinality(p) / 3;
  place float8 := least(greatest(bound, p[1]), p[n]);
  low int4 := 1;
  high int4 := n;
  middle int4;
  part float8;
BEGIN
  -- The last point but one that is not beyond the place.
  WHILE high - low > 1 LOOP
    middle := (low + high) / 2;
    IF p[middle] <= place THEN
      low := middle;
    ELSE
      high := middle;
    END IF;
  END LOOP;
  part := place - p[low];
  IF p[low + 1] = p[low] THEN
    RETURN 'NaN';
  END IF;
  IF abs(part) < 1e-60 THEN
    part := 0;
  END IF;
  RETURN p[2 * n + low]
    + part * (p[n + low] + (p[n + low + 1] - p[n + low]) / (p[low + 1] - p[low]) * part / 2);
END $$;

CREATE OR REPLACE FUNCTION pzvo.pdf_integral(
  density float8[], grid float8[], low float8, high float8
) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p float8[] := pzvo.pdf(density, grid);
  part float8 := pzvo.pdf_up_to(p, high) - pzvo.pdf_up_to(p, low);
BEGIN
  RETURN pzvo.mul(nullif(part, 'NaN'), p[cardinality(p)]);
END $$;

CREATE OR REPLACE FUNCTION pzvo.pdf_mean(density float8[], grid float8[]) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p float8[] := pzvo.pdf(density, grid);
  n int4 := cardinality(p) / 3;
  moment float8 := 0;
BEGIN
  IF p IS NULL THEN
    RETURN NULL;
  END IF;
  FOR i IN 1..n - 1 LOOP
    moment := moment + (p[i + 1] - p[i]) / 6
      * (p[i] * (2 * p[n + i] + p[n + i + 1]) + p[i + 1] * (p[n + i] + 2 * p[n + i + 1]));
  END LOOP;
  RETURN nullif(moment / nullif(p[3 * n], 0), 'NaN');
END $$;

CREATE OR REPLACE FUNCTION pzvo.pdf_quantile(density float8[], grid float8[], fraction float8)
RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  p float8[] := pzvo.pdf(density, grid);
  n int4 := cardinality(p) / 3;
  wanted float8;
  bin int4 := 1;
  rest float8;
  step float8;
  start float8;
  part float8 := 0;
BEGIN
  IF p IS NULL OR NOT (fraction BETWEEN 0 AND 1)
    OR NOT (p[3 * n] > 0 AND p[3 * n] < 'Infinity')
  THEN
    RETURN NULL;
  END IF;
  wanted := CASE WHEN fraction < 1e-100 THEN 0 ELSE fraction * p[3 * n] END;
  -- The last point below which there is less than wanted.
  WHILE bin < n - 1 AND p[2 * n + bin + 1] < wanted LOOP
    bin := bin + 1;
  END LOOP;
  rest := wanted - p[2 * n + bin];
  step := p[bin + 1] - p[bin];
  start := p[n + bin];
  -- start t + (end - start) t^2 / (2 step) = rest, in the form that holds for equal ends too.
  IF rest > 0 THEN
    part := pzvo.div(pzvo.mul(2 * (p[n + bin + 1] - start), rest), step);
    part := pzvo.div(2 * rest, start + sqrt(greatest(start * start + part, 0)));
  END IF;
  -- The least of a number and NULL is the number.
  RETURN p[bin] + least(part, step);
END $$;

-- A number of the normal distribution (Box & Muller 1958); the argument of the logarithm is never
-- 0.
CREATE OR REPLACE FUNCTION pzvo.normal_random(mean float8, deviation float8) RETURNS float8
LANGUAGE plpgsql VOLATILE STRICT PARALLEL RESTRICTED AS $$
BEGIN
  RETURN pzvo.add(mean, pzvo.mul(deviation,
    sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())));
END $$;

-- Counts below the lower bound, in each bin, and from the upper bound on.
CREATE OR REPLACE FUNCTION pzvo.histogram_step(
  counts int4[], x float8, low float8, high float8, bins int4
) RETURNS int4[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  bin int4;
BEGIN
  IF counts IS NULL THEN
    counts := array_fill(0, ARRAY[bins + 2]);
  END IF;
  IF x < low THEN
    bin := 1;
  ELSIF x >= high THEN
    bin := bins + 2;
  ELSIF x IS NOT NULL THEN
    bin := 2 + greatest(least(floor((x - low) / (high - low) * bins), bins - 1), 0)::int4;
  END IF;
  IF bin IS NOT NULL THEN
    counts[bin] := counts[bin] + 1;
  END IF;
  RETURN counts;
END $$;

CREATE OR REPLACE FUNCTION pzvo.counts_together(a int4[], b int4[]) RETURNS int4[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT array_agg(p.x + p.y ORDER BY p.i) FROM unnest(a, b) WITH ORDINALITY AS p (x, y, i)
$$;

CREATE OR REPLACE AGGREGATE pzvo.histogram(float8, float8, float8, int4) (
  SFUNC = pzvo.histogram_step, STYPE = int4[], COMBINEFUNC = pzvo.counts_together, PARALLEL = SAFE
);
