-- Positions in degrees: what is a shape, angles, unit vectors.

-- Whether numbers are those of a point, a circle or a polygon, and none is missing.
CREATE OR REPLACE FUNCTION pzvo.is_shape(numbers float8[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  number float8;
BEGIN
  IF cardinality(numbers) < 2 OR cardinality(numbers) IN (4, 5)
    OR cardinality(numbers) > 3 AND cardinality(numbers) % 2 = 1
  THEN
    RETURN false;
  END IF;
  FOREACH number IN ARRAY numbers LOOP
    IF number IS NULL OR abs(number) >= 'Infinity' THEN
      RETURN false;
    END IF;
  END LOOP;
  RETURN true;
END $$;

-- Radians; adding and taking away 1e-40 turns angles that no measure tells from zero into 0, so
-- that products of their sines are not too small for double precision, which ends a query.
CREATE OR REPLACE FUNCTION pzvo.angle_of_degrees(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT radians((x + 1e-40::float8) - 1e-40::float8)
$$;

CREATE OR REPLACE FUNCTION pzvo.square(x float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT power(x, 2::float8) $$;

-- The haversine of the angle between two positions.
CREATE OR REPLACE FUNCTION pzvo.haversine(lon1 float8, lat1 float8, lon2 float8, lat2 float8)
RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.square(sin(pzvo.angle_of_degrees(pzvo.finite(lat1 - lat2)) / 2))
    + cos(pzvo.angle_of_degrees(pzvo.finite(lat1))) * cos(pzvo.angle_of_degrees(pzvo.finite(lat2)))
    * pzvo.square(sin(pzvo.angle_of_degrees(pzvo.finite(lon1 - lon2)) / 2))
$$;

-- The haversine of the angle between a position and the antipode of another.
CREATE OR REPLACE FUNCTION pzvo.antihaversine(lon1 float8, lat1 float8, lon2 float8, lat2 float8)
RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pzvo.square(sin(pzvo.angle_of_degrees(pzvo.finite(lat1 + lat2)) / 2))
    + cos(pzvo.angle_of_degrees(pzvo.finite(lat1))) * cos(pzvo.angle_of_degrees(pzvo.finite(lat2)))
    * pzvo.square(cos(pzvo.angle_of_degrees(pzvo.finite(lon1 - lon2)) / 2))
$$;

-- The angle between two positions in degrees; NULL for a latitude that is none.
CREATE OR REPLACE FUNCTION pzvo.distance(lon1 float8, lat1 float8, lon2 float8, lat2 float8)
RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT degrees(2 * atan2(pzvo.sqrt(pzvo.haversine(lon1, lat1, lon2, lat2)),
                           pzvo.sqrt(pzvo.antihaversine(lon1, lat1, lon2, lat2))))
$$;

-- The angle between unit vectors in radians (Kahan).
CREATE OR REPLACE FUNCTION pzvo.angle(
  ax float8, ay float8, az float8, bx float8, by float8, bz float8
) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
  RETURN 2 * atan2(
    sqrt((ax - bx) * (ax - bx) + (ay - by) * (ay - by) + (az - bz) * (az - bz)),
    sqrt((ax + bx) * (ax + bx) + (ay + by) * (ay + by) + (az + bz) * (az + bz)));
END $$;

-- Longitude in [0, 360) and latitude, in degrees, of a vector of any length.
CREATE OR REPLACE FUNCTION pzvo.lonlat(x float8, y float8, z float8) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  lon float8 := degrees(atan2(y, x));
  -- The squares of smaller numbers would be too small for double precision.
  u float8 := (x + 1e-120) - 1e-120;
  v float8 := (y + 1e-120) - 1e-120;
BEGIN
  IF lon < 0 THEN
    lon := lon + 360;
  END IF;
  -- The sum of 360 and a tiny negative number rounds to 360.
  RETURN ARRAY[CASE WHEN lon >= 360 THEN 0 ELSE lon END, degrees(atan2(z, sqrt(u * u + v * v)))];
END $$;

-- The whole numbers from one to another; the planner is told that they are few, as the zones of the
-- circle of a crossmatch are. Of generate_series it expects a thousand, and leaves the index aside.
CREATE OR REPLACE FUNCTION pzvo.zones(first int4, last int4) RETURNS SETOF int4
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 2 AS $$
BEGIN
  RETURN QUERY SELECT generate_series(first, last);
END $$;
