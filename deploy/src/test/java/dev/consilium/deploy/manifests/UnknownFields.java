package dev.consilium.deploy.manifests;

import java.beans.BeanInfo;
import java.beans.IntrospectionException;
import java.beans.Introspector;
import java.beans.PropertyDescriptor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Finds the fields of a manifest that its type does not have. The model classes keep such fields in
 * a map {@code additionalProperties}, at every level, so that a misspelt one would otherwise pass
 * unseen.
 */
final class UnknownFields {

  private static final String MODEL = "io.fabric8.kubernetes.api.model.";
  private static final String UNKNOWN = "additionalProperties";

  private final List<String> found = new ArrayList<>();

  private UnknownFields() {}

  /** Paths of all unknown fields, such as {@code spec.template.spec.containers[0].imagePolicy}. */
  static List<String> of(Object model) {
    UnknownFields search = new UnknownFields();
    search.visit("", model);
    return List.copyOf(search.found);
  }

  private void visit(String path, Object value) {
    switch (value) {
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          visit(path + "[" + i + "]", list.get(i));
        }
      }
      case Map<?, ?> map -> map.forEach((key, entry) -> visit(join(path, key), entry));
      case Object model when model.getClass().getName().startsWith(MODEL) ->
          visitModel(path, model);
      default -> {} // a string, number or flag has no fields
    }
  }

  private void visitModel(String path, Object model) {
    for (PropertyDescriptor property : properties(model)) {
      Method getter = property.getReadMethod();
      boolean computed = property.getWriteMethod() == null && !property.getName().equals(UNKNOWN);
      if (getter == null || computed) {
        continue;
      }
      Object value = call(getter, model);
      if (value == null) {
        continue;
      }
      if (property.getName().equals(UNKNOWN)) {
        ((Map<?, ?>) value).keySet().forEach(name -> found.add(join(path, name)));
      } else {
        visit(join(path, property.getName()), value);
      }
    }
  }

  private static PropertyDescriptor[] properties(Object model) {
    try {
      BeanInfo info = Introspector.getBeanInfo(model.getClass(), Object.class);
      return info.getPropertyDescriptors();
    } catch (IntrospectionException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Object call(Method getter, Object model) {
    try {
      return getter.invoke(model);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException("cannot read " + getter, e);
    }
  }

  private static String join(String path, Object name) {
    return path.isEmpty() ? name.toString() : path + "." + name;
  }
}
