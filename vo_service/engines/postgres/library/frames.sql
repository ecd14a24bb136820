-- Coordinate systems, and motion in space.

-- Rows of the rotation to galactic axes.
CREATE OR REPLACE FUNCTION pzvo.galactic_axes(frame text) RETURNS float8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE replace(frame, 'FK5', 'ICRS')
    WHEN 'GALACTIC' THEN '{1,0,0,0,1,0,0,0,1}'::float8[]
    WHEN 'FK4' THEN '{-0.06698873941515084,-0.8727557658519927,-0.48353891463218424,
      0.49272846607532356,-0.4503469580199614,0.7445846332830311,
      -0.8676008111514348,-0.18837460172292037,0.4601997847838517}'::float8[]
    WHEN 'ICRS' THEN '{-0.0548756577125917,-0.8734370519556163,-0.4838350736167155,
      0.4941094371927275,-0.44482972122329534,0.7469821839866675,
      -0.8676661375596588,-0.19807633727300059,0.4559838136873017}'::float8[] END
$$;

-- Rows of the rotation from one coordinate system to another. Galactic axes of J2000 (with the
-- bias of FK5) and of B1950 are those of vo_service.engines.sphere.frames.
CREATE OR REPLACE FUNCTION pzvo.rotation(source text, target text) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  first float8[] := pzvo.galactic_axes(source);
  second float8[] := pzvo.galactic_axes(target);
  product float8[] := '{}';
BEGIN
  FOR i IN 1..3 LOOP
    FOR j IN 1..3 LOOP
      product := product || (second[i] * first[j] + second[i + 3] * first[j + 3]
        + second[i + 6] * first[j + 6]);
    END LOOP;
  END LOOP;
  RETURN product;
END $$;

-- A shape in another coordinate system.
CREATE OR REPLACE FUNCTION pzvo.turned(shape float8[], axes float8[]) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  numbers int4 := cardinality(shape);
  found float8[] := '{}';
  lon float8;
  lat float8;
  x float8;
  y float8;
  z float8;
BEGIN
  IF NOT pzvo.is_shape(shape) THEN
    RETURN NULL;
  END IF;
  FOR i IN 1..numbers / 2 LOOP
    lon := pzvo.angle_of_degrees(shape[2 * i - 1]);
    lat := pzvo.angle_of_degrees(shape[2 * i]);
    x := cos(lat) * cos(lon);
    y := cos(lat) * sin(lon);
    z := sin(lat);
    found := found || pzvo.lonlat(
      axes[1] * x + axes[2] * y + axes[3] * z,
      axes[4] * x + axes[5] * y + axes[6] * z,
      axes[7] * x + axes[8] * y + axes[9] * z);
  END LOOP;
  RETURN CASE WHEN numbers = 3 THEN found || shape[3] ELSE found END;
END $$;

CREATE OR REPLACE FUNCTION pzvo.transform(source text, target text, shape float8[]) RETURNS float8[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN source = target THEN CASE WHEN pzvo.is_shape(shape) THEN shape END
         ELSE pzvo.turned(shape, pzvo.rotation(source, target)) END
$$;

-- A position after some years of uniform motion in space (Butkevich & Lindegren 2014, A&A 570,
-- A62, without light-time effects): degrees, mas, mas/yr, km/s, Julian years.
CREATE OR REPLACE FUNCTION pzvo.propagate(
  ra float8, decl float8, parallax float8, pm_ra float8, pm_dec float8, radial_velocity float8,
  reference float8, epoch float8
) RETURNS float8[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  lon float8;
  lat float8;
  years float8;
  mas constant float8 := pi() / 180 / 3600000;
  along float8;
  east float8;
  north float8;
BEGIN
  IF greatest(abs(ra), abs(decl), abs(parallax), abs(pm_ra), abs(pm_dec), abs(radial_velocity),
              abs(reference), abs(epoch)) > 1e40 THEN
    RETURN NULL;
  END IF;
  lon := pzvo.angle_of_degrees(ra);
  lat := pzvo.angle_of_degrees(decl);
  years := (epoch - reference + 1e-40) - 1e-40;
  -- Tiny motions become 0: their products would be too small for double precision.
  along := 1 + ((radial_velocity + 1e-40) - 1e-40) * ((parallax + 1e-40) - 1e-40)
    / 4.740470463533349 * mas * years;
  east := mas * ((pm_ra + 1e-40) - 1e-40) * years;
  north := mas * ((pm_dec + 1e-40) - 1e-40) * years;
  RETURN pzvo.lonlat(
    along * cos(lat) * cos(lon) - east * sin(lon) - north * sin(lat) * cos(lon),
    along * cos(lat) * sin(lon) + east * cos(lon) - north * sin(lat) * sin(lon),
    along * sin(lat) + north * cos(lat));
END $$;
