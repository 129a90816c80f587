package dev.consilium.model.family;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The angles of a rotary embedding, computed as the reference computes them: frequencies step by
 * step in float32, then the float32 product of position and frequency, whose cosine and sine are
 * rounded once from double.
 *
 * <p>In float32 and not in double because the difference grows with the position: at position
 * 100,000 the rounding of a frequency moves the angle by up to 0.006, and the models were trained
 * with the rounded one.
 */
public final class RotaryTable {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final float[] inverseFrequencies;
  private final float attentionFactor;

  private RotaryTable(float[] inverseFrequencies, float attentionFactor) {
    this.inverseFrequencies = inverseFrequencies;
    this.attentionFactor = attentionFactor;
  }

  /** The table of a specification, for sequences within the trained context. */
  public static RotaryTable of(RotarySpec spec) {
    return of(spec, 0);
  }

  /**
   * The table of a specification.
   *
   * @param tokens of the sequence, see {@link RotarySpec#shortTokens}
   */
  public static RotaryTable of(RotarySpec spec, int tokens) {
    float[] wavelengths = wavelengths(spec);
    return switch (spec.scaling()) {
      case NoScaling() -> new RotaryTable(reciprocals(wavelengths), 1f);
      case LinearScaling linear -> new RotaryTable(divided(wavelengths, linear), 1f);
      case LlamaScaling llama -> new RotaryTable(blend(llama, wavelengths), 1f);
      case LongRopeScaling longRope ->
          tokens <= longRope.originalContextLength()
              ? longRope(wavelengths, longRope.shortFactors(), longRope.shortMagnitude())
              : longRope(wavelengths, longRope.longFactors(), longRope.longMagnitude());
      case YarnScaling yarn ->
          new RotaryTable(blend(spec, yarn, wavelengths), (float) yarn.attentionFactor());
    };
  }

  /** Values of a head that are turned; there are half as many frequencies. */
  public int rotaryDim() {
    return 2 * inverseFrequencies.length;
  }

  /** Radians per position of pair {@code pair}. */
  public float inverseFrequency(int pair) {
    return inverseFrequencies[pair];
  }

  /** What cosine and sine are multiplied by. */
  public float attentionFactor() {
    return attentionFactor;
  }

  /**
   * Cosine and sine of every pair at a position, times the attention factor.
   *
   * @param position from 0
   * @param into gets {@code rotaryDim / 2} cosines, then as many sines
   */
  public void cosSin(int position, float[] into) {
    int pairs = inverseFrequencies.length;
    for (int i = 0; i < pairs; i++) {
      float angle = (float) position * inverseFrequencies[i];
      into[i] = (float) StrictMath.cos(angle) * attentionFactor;
      into[pairs + i] = (float) StrictMath.sin(angle) * attentionFactor;
    }
  }

  /**
   * As {@link #cosSin(int, float[])}, into memory.
   *
   * @param offset bytes into {@code into}; {@code rotaryDim} floats are written from there
   */
  public void cosSin(int position, MemorySegment into, long offset) {
    int pairs = inverseFrequencies.length;
    for (int i = 0; i < pairs; i++) {
      float angle = (float) position * inverseFrequencies[i];
      into.set(FLOAT, offset + 4L * i, (float) StrictMath.cos(angle) * attentionFactor);
      into.set(FLOAT, offset + 4L * (pairs + i), (float) StrictMath.sin(angle) * attentionFactor);
    }
  }

  private static float[] wavelengths(RotarySpec spec) {
    float[] wavelengths = new float[spec.rotaryDim() / 2];
    double base = (float) spec.theta();
    for (int i = 0; i < wavelengths.length; i++) {
      float exponent = (float) (2 * i) / (float) spec.rotaryDim();
      wavelengths[i] = (float) StrictMath.pow(base, exponent);
    }
    return wavelengths;
  }

  private static float[] reciprocals(float[] wavelengths) {
    float[] inverse = new float[wavelengths.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = 1f / wavelengths[i];
    }
    return inverse;
  }

  private static float[] divided(float[] wavelengths, LinearScaling linear) {
    float[] inverse = reciprocals(wavelengths);
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] /= (float) linear.factor();
    }
    return inverse;
  }

  private static RotaryTable longRope(float[] wavelengths, List<Double> factors, double magnitude) {
    float[] inverse = new float[wavelengths.length];
    for (int i = 0; i < inverse.length; i++) {
      inverse[i] = 1f / (factors.get(i).floatValue() * wavelengths[i]);
    }
    return new RotaryTable(inverse, (float) magnitude);
  }

  private static float[] blend(LlamaScaling llama, float[] wavelengths) {
    float context = llama.originalContextLength();
    float factor = (float) llama.factor();
    float longest = (float) (llama.originalContextLength() / llama.lowTurns());
    float shortest = (float) (llama.originalContextLength() / llama.highTurns());
    float[] inverse = reciprocals(wavelengths);
    for (int i = 0; i < inverse.length; i++) {
      float wavelength = (float) (2 * Math.PI) / inverse[i];
      if (wavelength > longest) {
        inverse[i] /= factor;
      } else if (wavelength >= shortest && shortest < longest) {
        float keep =
            (context / wavelength - (float) llama.lowTurns())
                / (float) (llama.highTurns() - llama.lowTurns());
        inverse[i] = (1f - keep) * inverse[i] / factor + keep * inverse[i];
      }
    }
    return inverse;
  }

  private static float[] blend(RotarySpec spec, YarnScaling yarn, float[] wavelengths) {
    double low = dimensionOfTurns(spec, yarn, yarn.betaFast());
    double high = dimensionOfTurns(spec, yarn, yarn.betaSlow());
    low = Math.max(yarn.truncate() ? Math.floor(low) : low, 0);
    high = Math.min(yarn.truncate() ? Math.ceil(high) : high, spec.rotaryDim() - 1);
    // The reference's guard against a division by zero; the value decides where the ramp's one step
    // lies.
    double width = low == high ? (high + 0.001) - low : high - low;
    float[] inverse = new float[wavelengths.length];
    for (int i = 0; i < inverse.length; i++) {
      float ramp = Math.clamp(((float) i - (float) low) / (float) width, 0f, 1f);
      float keep = 1f - ramp;
      float kept = 1f / wavelengths[i];
      float stretched = 1f / ((float) yarn.factor() * wavelengths[i]);
      inverse[i] = stretched * (1f - keep) + kept * keep;
    }
    return inverse;
  }

  /** The (fractional) dimension that makes {@code turns} full turns over the trained context. */
  private static double dimensionOfTurns(RotarySpec spec, YarnScaling yarn, double turns) {
    double context = yarn.originalContextLength();
    return spec.rotaryDim()
        * StrictMath.log(context / (turns * 2 * Math.PI))
        / (2 * StrictMath.log(spec.theta()));
  }
}
